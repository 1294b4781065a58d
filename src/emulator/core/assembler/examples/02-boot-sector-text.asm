; en: A boot sector that draws text
; zh: 在屏幕上写字的引导扇区
; Text mode is memory: a character and its colours for each cell, from B800:0000 on. The last two bytes, 55h AAh, are how
; a BIOS knows a boot sector.
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
