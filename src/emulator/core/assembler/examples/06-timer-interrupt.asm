; en: A timer interrupt
; en: The 8254 interrupts through the 8259 about 100 times a second; HLT sleeps until the next. Five ticks are counted.
; en: Try: switch the log on and run: each interrupt 20 stands there with its instruction count. Devices shows IRR, ISR, IMR.
; zh: 定时器中断
; zh: 8254 经由 8259 每秒产生约 100 次中断；HLT 一直睡到下一次。程序数五次。
; zh: 试一试：打开日志后运行：每次中断 20 都带着指令计数列出。“设备”中可见 IRR、ISR、IMR。
        bits 16
        org 0x7c00

        cli
        mov word [8 * 4], tick          ; vector 8, in segment 0
        mov word [8 * 4 + 2], 0
        mov al, 0x34                    ; channel 0, both bytes, rate generator
        out 0x43, al
        mov ax, 11932                   ; 1193182 Hz / 11932 = 100 Hz
        out 0x40, al
        mov al, ah
        out 0x40, al
        mov al, 0x13                    ; 8259: edge, single, ICW4
        out 0x20, al
        mov al, 8                       ; its vectors begin at 8
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe                    ; IRQ 0 alone
        out 0x21, al
        sti
again:  hlt
        cmp byte [count], 5
        jb again
        cli
        hlt

tick:   push ax
        inc byte [count]
        mov al, '.'
        out 0xe9, al
        mov al, 0x20                    ; end of interrupt
        out 0x20, al
        pop ax
        iret

count:  db 0
