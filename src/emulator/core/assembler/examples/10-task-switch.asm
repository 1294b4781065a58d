; en: A task switch
; en: A far jump to a task state segment saves all registers in the old task's and loads those of the new one. Two tasks print
; en: in turn.
; en: Try: step into JMP 20h:0: every register changes at once. TR and the busy mark under Tables change with it.
; zh: 任务切换
; zh: 远跳转到任务状态段时，处理器把全部寄存器存入旧任务的 TSS，并装入新任务的。两个任务轮流打印。
; zh: 试一试：单步进入 JMP 20h:0：所有寄存器一齐改变；TR 和“描述符表”中的忙标志也随之改变。
        bits 32

        lgdt [gdtr]
        mov eax, first
        mov [gdt + 0x18 + 2], ax
        shr eax, 16
        mov [gdt + 0x18 + 4], al
        mov eax, second
        mov [gdt + 0x20 + 2], ax
        shr eax, 16
        mov [gdt + 0x20 + 4], al
        mov ax, 0x18
        ltr ax                          ; this is the first task from now on

        mov ebx, 3
again:  mov al, 'a'
        out 0xe9, al
        jmp 0x20:0                      ; to the second task; it comes back here
        dec ebx
        jnz again
        cli
        hlt

other:  mov al, 'b'
        out 0xe9, al
        jmp 0x18:0
        jmp other                       ; next time it goes on here

        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
        dq 0x0000890000000067           ; 18h first task
        dq 0x0000890000000067           ; 20h second task
gdtr:   dw $ - gdt - 1
        dd gdt
        align 4
first:  times 104 db 0
second: times 28 db 0
        dd 0                            ; CR3
        dd other                        ; EIP
        dd 2                            ; EFLAGS
        dd 0, 0, 0, 0                   ; EAX ECX EDX EBX
        dd 0x5000, 0, 0, 0              ; ESP EBP ESI EDI
        dd 0x10, 8, 0x10, 0x10, 0, 0    ; ES CS SS DS FS GS
        dd 0                            ; LDT
        dw 0, 104
