; en: Paging on, and one page seen twice
; en: The first 4 MiB are mapped to themselves. Linear 400000h is a second view of the page at 200000h.
; en: Try: after the run, walk 400010 and 200010 under Page walk: two ways to one physical address.
; zh: 打开分页，同一页映射两次
; zh: 最前面的 4 MiB 映射到自身。线性地址 400000h 是物理页 200000h 的第二个视图。
; zh: 试一试：运行后在“页表遍历”中查看 400010 和 200010：两条路到同一个物理地址。
        bits 32

DIRECTORY equ 0x100000
TABLE   equ 0x101000
SECOND  equ 0x102000
SHARED  equ 0x200000

        mov dword [DIRECTORY], TABLE | 3        ; present, writable
        mov dword [DIRECTORY + 4], SECOND | 3
        mov edi, TABLE
        mov eax, 3
        mov ecx, 1024
fill:   stosd
        add eax, 0x1000
        loop fill
        mov dword [SECOND], SHARED | 3

        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000      ; PG
        mov cr0, eax

        mov dword [0x400010], "page"    ; written through one address,
        mov esi, SHARED + 0x10          ; read through the other
        mov ecx, 4
print:  lodsb
        out 0xe9, al
        loop print
        cli
        hlt
