; en: A page fault handler that maps the missing page
; en: The instruction that faulted is executed again after the handler has mapped its page: demand paging. CR2 has the address,
; en: the error code says what was tried.
; en: Try: set a breakpoint on exception E, run, and walk the address in CR2 before and after the handler.
; zh: 缺页异常处理程序：把缺少的页映射进来
; zh: 处理程序把缺的页映射好以后，出错的指令重新执行：这就是按需调页。CR2 里是出错地址，错误码说明当时想做什么。
; zh: 试一试：对异常 E 设断点后运行，在处理程序前后各遍历一次 CR2 中的地址。
        bits 32

DIRECTORY equ 0x100000
TABLE   equ 0x101000
MISSING equ 0x300000

        mov dword [DIRECTORY], TABLE | 3
        mov edi, TABLE
        mov eax, 3
        mov ecx, 1024
fill:   stosd
        add eax, 0x1000
        loop fill
        mov dword [TABLE + MISSING / 0x1000 * 4], 0     ; not present

        mov eax, page_fault
        mov [idt + 14 * 8], ax
        shr eax, 16
        mov [idt + 14 * 8 + 6], ax
        lidt [idtr]
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax

        mov dword [MISSING + 0x123], 42         ; faults once
        mov eax, [faults]
        add al, '0'
        out 0xe9, al                            ; "1"
        cli
        hlt

page_fault:
        push eax
        inc dword [faults]
        mov eax, cr2
        shr eax, 12
        and eax, 1023
        mov dword [TABLE + eax * 4], 0x200000 | 3
        mov eax, cr2
        invlpg [eax]
        pop eax
        add esp, 4                              ; the error code
        iretd

faults: dd 0
        align 8
idt:    times 14 dq 0
        dw 0, 8, 0x8e00, 0
idtr:   dw $ - idt - 1
        dd idt
