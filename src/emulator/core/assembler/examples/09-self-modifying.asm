; en: Self-modifying code
; en: The loop rewrites the immediate of an instruction it is about to execute. A processor that keeps decoded code must notice.
; en: Try: watch the bytes of that instruction in the disassembly change from step to step.
; zh: 自修改代码
; zh: 循环改写它即将执行的指令中的立即数。保存已译码指令的处理器必须注意到这一点。
; zh: 试一试：逐步执行，看反汇编中那条指令的字节如何变化。
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
