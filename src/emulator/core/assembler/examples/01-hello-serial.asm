; en: Hello on the serial port
; en: COM1's transmitter is port 3F8h; its line status, 3FDh, says in bit 5 when it takes a byte.
; en: Try: step (F11) to the OUT and look at the 16550's registers under Devices; the text is under Output.
; zh: 从串口输出 Hello
; zh: COM1 的发送端口是 3F8h；线路状态寄存器 3FDh 的第 5 位表示它能否再收一个字节。
; zh: 试一试：用 F11 单步到 OUT，在“设备”中看 16550 的寄存器；文字出现在“输出”中。
        bits 16
        org 0x7c00

        mov si, text
next:   lodsb
        test al, al
        jz done
        mov ah, al
        mov dx, 0x3fd
ready:  in al, dx
        test al, 0x20           ; transmitter empty?
        jz ready
        mov al, ah
        mov dx, 0x3f8
        out dx, al
        jmp next
done:   cli
        hlt

text:   db "Hello from the bare PC!", 13, 10, 0
