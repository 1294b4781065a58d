; en: The trap flag: a debugger in twenty lines
; en: With TF set the processor traps after every instruction. The handler counts them.
; en: Try: log exceptions and run: exception 1 comes after each instruction while TF is set.
; zh: 陷阱标志：二十行的调试器
; zh: 置 TF 位后，处理器每执行一条指令就陷入一次。处理程序给它们计数。
; zh: 试一试：打开日志后运行：TF 置位期间，每条指令之后都有异常 1。
        bits 32

        lidt [idtr]
        pushfd
        or dword [esp], 0x100           ; TF
        popfd
        nop
        mov ecx, 3
turn:   loop turn
        pushfd
        and dword [esp], ~0x100
        popfd
        nop
        mov al, [steps]
        add al, '0'
        out 0xe9, al                    ; nop, mov, 3 loops, pushfd, and, popfd: "8"
        cli
        hlt

single_step:
        inc byte [steps]
        iretd

steps:  db 0
        align 8
idt:    dq 0
        dw single_step, 8, 0x8e00, 0
idtr:   dw $ - idt - 1
        dd idt
