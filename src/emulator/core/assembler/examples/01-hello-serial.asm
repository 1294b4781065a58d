; en: Hello on the serial port
; zh: 从串口输出 Hello
; COM1's transmitter is port 3F8h; its line status, 3FDh, says in bit 5 when it takes a byte.
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
