; en: The switch to protected mode
; en: A table of segments, PE in CR0, and a far jump that loads CS: from there on the code is 32-bit.
; en: Try: step over MOV CR0 and watch the mode line; the mode changes there, the size of the code only with the jump.
; zh: 切换到保护模式
; zh: 准备段描述符表，置 CR0 的 PE 位，再用远跳转装入 CS：从此代码是 32 位。
; zh: 试一试：单步执行 MOV CR0 并看模式行：模式在那里改变，而代码位数要到跳转才改变。
        bits 16
        org 0x7c00

        cli
        lgdt [table]
        mov eax, cr0
        or al, 1                ; PE
        mov cr0, eax
        jmp dword 8:protected

        bits 32
protected:
        mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x7000
        mov edi, 0x100000       ; beyond real mode's first megabyte
        mov dword [edi], "32b!"
        mov esi, edi
        mov ecx, 4
print:  lodsb
        out 0xe9, al
        loop print
        hlt

        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff   ; 08h: code, base 0, 4 GiB, 32-bit
        dq 0x00cf92000000ffff   ; 10h: data, likewise
table:  dw $ - gdt - 1
        dd gdt
