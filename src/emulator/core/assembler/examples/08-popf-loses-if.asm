; en: POPF in ring 3 loses IF silently
; en: The classic hole in x86's virtualizability (Popek and Goldberg): POPF is sensitive, yet in ring 3 it does not fault, it
; en: just leaves IF as it was. A hypervisor that runs a guest's kernel in ring 3 is never told. CLI does fault.
; en: Try: step over POPFD and watch IF: it stays, and no exception comes. The next CLI raises exception D.
; zh: 第 3 环的 POPF 悄悄忽略 IF
; zh: x86 可虚拟化性的经典漏洞 (Popek 与 Goldberg)：POPF 是敏感指令，在第 3 环却不产生异常，只是不改 IF。
; zh: 把客户机内核放在第 3 环的虚拟机监控程序因此得不到通知。CLI 则会产生异常。
; zh: 试一试：单步执行 POPFD 并看 IF：它没有变，也没有异常；接着的 CLI 产生异常 D。
        bits 32

        lgdt [gdtr]
        lidt [idtr]
        mov eax, tss
        mov [gdt + 0x28 + 2], ax
        shr eax, 16
        mov [gdt + 0x28 + 4], al
        mov dword [tss + 4], 0x6000
        mov dword [tss + 8], 0x10
        mov ax, 0x28
        ltr ax
        mov ax, 0x23
        mov ds, ax

        push 0x23
        push 0x5000
        push 0x202                      ; IF set, I/O privilege level 0
        push 0x1b
        push user
        iretd

user:   pushfd
        and dword [esp], ~0x200         ; clear IF …
        popfd                           ; … no fault …
        pushfd
        pop ebx                         ; … and IF is set still
        cli                             ; this one faults

protection_fault:
        mov al, 'I'
        test ebx, 0x200
        jnz still_set
        mov al, 'c'
still_set:
        out 0xe9, al                    ; "I": interrupts are on still
        mov al, 'F'
        out 0xe9, al                    ; CLI came here: it did fault
        hlt

        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
        dq 0x00cffa000000ffff
        dq 0x00cff2000000ffff
        dq 0x0000890000000067
gdtr:   dw $ - gdt - 1
        dd gdt
        align 8
idt:    times 13 dq 0
        dw protection_fault, 8, 0x8e00, 0
idtr:   dw $ - idt - 1
        dd idt
tss:    times 104 db 0
