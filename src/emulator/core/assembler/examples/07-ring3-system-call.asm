; en: A ring 3 task and a system call
; en: INT 80h from ring 3 goes through a gate to ring 0, on the stack that the task state segment names. The kernel prints what
; en: the user asks for; the user may not do so itself.
; en: Try: step into INT 80h and watch ring, CS, SS and ESP; under Stack is what IRETD will take back.
; zh: 第 3 环的任务与系统调用
; zh: 第 3 环的 INT 80h 经过门进入第 0 环，栈换成任务状态段 (TSS) 指定的栈。内核替用户打印；用户自己不可以。
; zh: 试一试：单步进入 INT 80h，看特权环、CS、SS 和 ESP 的变化；“栈”中是 IRETD 将取回的内容。
        bits 32

        lgdt [gdtr]
        lidt [idtr]
        mov eax, tss
        mov [gdt + 0x28 + 2], ax
        shr eax, 16
        mov [gdt + 0x28 + 4], al
        mov dword [tss + 4], 0x6000     ; ESP0
        mov dword [tss + 8], 0x10       ; SS0
        mov word [tss + 102], 104       ; no I/O permission map
        mov ax, 0x28
        ltr ax
        mov ax, 0x23
        mov ds, ax
        mov es, ax

        push 0x23                       ; SS: data, ring 3
        push 0x5000                     ; ESP
        push 2                          ; EFLAGS: I/O privilege level 0
        push 0x1b                       ; CS: code, ring 3
        push user
        iretd                           ; down to ring 3

user:   mov esi, text
next:   lodsb
        test al, al
        jz quit
        int 0x80
        jmp next
quit:   mov al, 0
        int 0x80                        ; 0 ends the program

system_call:
        test al, al
        jz finish
        out 0xe9, al
        iretd
finish: cli
        hlt

text:   db "user asks, kernel prints", 0
        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff           ; 08h kernel code
        dq 0x00cf92000000ffff           ; 10h kernel data
        dq 0x00cffa000000ffff           ; 18h user code
        dq 0x00cff2000000ffff           ; 20h user data
        dq 0x0000890000000067           ; 28h task state segment
gdtr:   dw $ - gdt - 1
        dd gdt
        align 8
idt:    times 128 dq 0
        dw system_call, 8, 0xee00, 0    ; 80h: gate that ring 3 may use
idtr:   dw $ - idt - 1
        dd idt
tss:    times 104 db 0
