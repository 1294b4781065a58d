; en: Virtual-8086 mode with a small monitor
; en: Real-mode code runs in ring 3 under a monitor. CLI, INT and IN fault there, and the monitor answers for the machine: the
; en: oldest kind of trap and emulate on x86.
; en: Try: set a breakpoint on exception D: each stop is one instruction that the monitor carries out for its guest.
; zh: 虚拟 8086 模式与小型监控程序
; zh: 实模式代码在监控程序之下以第 3 环运行。CLI、INT 和 IN 在那里产生异常，由监控程序代替机器应答：
; zh: 这是 x86 上最早的“陷入并模拟” (trap and emulate)。
; zh: 试一试：对异常 D 设断点：每停一次，就是监控程序替客户机执行的一条指令。
        bits 32

        lgdt [gdtr]
        lidt [idtr]
        mov eax, tss
        mov [gdt + 0x18 + 2], ax
        shr eax, 16
        mov [gdt + 0x18 + 4], al
        mov dword [tss + 4], 0x6000
        mov dword [tss + 8], 0x10
        mov word [tss + 102], 104
        mov ax, 0x18
        ltr ax

        xor eax, eax
        push eax                        ; GS FS DS ES
        push eax
        push eax
        push eax
        push eax                        ; SS
        push 0x5000                     ; SP
        push 0x20002                    ; EFLAGS: VM
        push eax                        ; CS
        push virtual
        iretd

        bits 16
virtual:
        cli                             ; faults
        mov al, 'v'
        int 0x21                        ; faults
        cli                             ; faults
        mov al, 0
        int 0x21

        bits 32
monitor:                                ; #GP: error code, EIP, CS, EFLAGS, ESP, SS, …
        pushad
        mov ax, 0x10                    ; the way here has emptied DS
        mov ds, ax
        movzx ecx, word [esp + 40]      ; CS
        shl ecx, 4
        add ecx, [esp + 36]             ; EIP
        cmp byte [ecx], 0xfa            ; CLI
        je is_cli
        cmp byte [ecx], 0xcd            ; INT n
        jne unknown
        mov al, [esp + 28]              ; its AL
        test al, al
        jz finish
        out 0xe9, al
        add dword [esp + 36], 2
        jmp back
is_cli: mov al, 'c'
        out 0xe9, al
        inc dword [esp + 36]
back:   popad
        add esp, 4
        iretd
unknown:
        mov al, '?'
        out 0xe9, al
finish: cli
        hlt

        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
        dq 0x0000890000000067
gdtr:   dw $ - gdt - 1
        dd gdt
        align 8
idt:    times 13 dq 0
        dw monitor, 8, 0x8e00, 0
idtr:   dw $ - idt - 1
        dd idt
tss:    times 104 db 0
