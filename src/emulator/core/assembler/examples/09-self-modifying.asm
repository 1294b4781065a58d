; en: Self-modifying code
; zh: 自修改代码
; The loop rewrites the immediate of an instruction it is about to execute. A processor that keeps decoded code must notice.
        bits 16
        org 0x7c00

        mov cx, 10
again:
patched: mov al, '0'
        out 0xe9, al
        inc byte [patched + 1]          ; MOV AL, imm8 is B0 imm8
        loop again
        cli
        hlt
