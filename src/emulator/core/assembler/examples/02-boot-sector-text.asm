; en: A boot sector that draws text
; en: Text mode is memory: a character and its colours for each cell, from B800:0000 on. The last two bytes, 55h AAh, are how
; en: a BIOS knows a boot sector.
; en: Try: look at memory at B8000 while it is written, and change the colour 1Fh.
; zh: 在屏幕上写字的引导扇区
; zh: 文本模式就是内存：从 B800:0000 起，每个单元格是一个字符和它的颜色。BIOS 靠最后两个字节 55h AAh 认出引导扇区。
; zh: 试一试：在“内存”中看 B8000 处如何被写入；再改一改颜色 1Fh。
        bits 16
        org 0x7c00

        xor ax, ax
        mov ds, ax
        mov ax, 0xb800
        mov es, ax
        mov di, (12 * 80 + 26) * 2      ; row 12, column 26
        mov si, text
        mov ah, 0x1f                    ; white on blue
next:   lodsb
        test al, al
        jz done
        stosw
        jmp next
done:   cli
        hlt

text:   db " This sector draws on the screen ", 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
