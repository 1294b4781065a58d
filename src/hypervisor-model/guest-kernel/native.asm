; The platform of a bare PC, or of a monitor that makes one: privileged instructions, port I/O, a memory-mapped task priority.
KERNEL_CODE_SELECTOR equ 0x08
KERNEL_DATA_SELECTOR equ 0x10
USER_CODE_SELECTOR   equ 0x1b
USER_DATA_SELECTOR   equ 0x23
TASK_SELECTOR        equ 0x28
TASK_PRIORITY        equ 0xfee00080     ; of the local APIC

platform_start:
        mov dword [DIRECTORY + (TASK_PRIORITY >> 22) * 4], DEVICE_TABLE + 3
        mov dword [OTHER_DIRECTORY + (TASK_PRIORITY >> 22) * 4], DEVICE_TABLE + 3
        mov dword [DEVICE_TABLE + 0x200 * 4], 0xfee0001b
        lgdt [gdt_pointer]
        mov ax, KERNEL_DATA_SELECTOR
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esi, traps
.gate:  mov ebx, [esi]
        mov eax, [esi + 8]
        mov [idt + ebx * 8], ax
        mov word [idt + ebx * 8 + 2], KERNEL_CODE_SELECTOR
        mov eax, [esi + 4]
        shl eax, 13
        or eax, 0x8e00
        mov [idt + ebx * 8 + 4], ax
        add esi, 12
        cmp esi, traps_end
        jb .gate
        lidt [idt_pointer]
        mov ax, TASK_SELECTOR
        ltr ax
        mov al, 0x11                    ; interrupt controllers: vectors from 20h, all masked
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xff
        out 0x21, al
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80010000              ; paging, and write protection for the kernel too
        mov cr0, eax
        jmp .flush
.flush: ret

platform_return:
        iretd

platform_stop:
        out 0xf4, al

platform_put:
        out 0xe9, al
        ret

; EAX: the address that faulted.
platform_fault_address:
        mov eax, cr2
        ret

; The entry at EDI becomes EAX.
platform_set_pte:
        mov [edi], eax
        ret

platform_load_directory:
        mov cr3, eax
        ret

; EAX a page directory and ECX a page table that are about to be used; EAX one that is not used any more.
platform_make_directory:
platform_release_directory:
        ret

platform_end_of_interrupt:
        mov al, 0x20
        out 0x20, al
        ret

; A hundred interrupts a second.
platform_start_timer:
        mov al, 0x34
        out 0x43, al
        mov al, 0x9c
        out 0x40, al
        mov al, 0x2e
        out 0x40, al
        mov al, 0xfe
        out 0x21, al
        ret

platform_stop_timer:
        mov al, 0xff
        out 0x21, al
        ret

platform_wait:
        sti
        hlt
        cli
        ret

; The workload of task priority writes.
platform_priority:
        mov [TASK_PRIORITY], ecx
        dec ecx
        jnz platform_priority
        jmp finish

; Sector EAX to EDI, a doubleword at a time.
platform_read_sector:
        mov edx, 0x300
        out dx, eax
        mov edx, 0x304
        mov ecx, 128
.next:  in eax, dx
        mov [edi], eax
        add edi, 4
        dec ecx
        jnz .next
        ret

; A frame of 64 bytes to EDI, from ESI.
platform_receive:
        mov edx, 0x310
.wait:  in eax, dx
        test eax, eax
        jz .wait
        mov edx, 0x314
        mov ecx, 16
.next:  in eax, dx
        mov [edi], eax
        add edi, 4
        dec ecx
        jnz .next
        ret

platform_transmit:
        mov edx, 0x314
        mov ecx, 16
.next:  mov eax, [esi]
        out dx, eax
        add esi, 4
        dec ecx
        jnz .next
        ret

        align 0x1000
gdt:    dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
        dq 0x00cffb000000ffff
        dq 0x00cff3000000ffff
        dw 103, tss, 0x8900, 0
gdt_pointer:
        dw 0x2f
        dd gdt
        align 8
tss:    dd 0, KERNEL_STACK, KERNEL_DATA_SELECTOR
        times 22 dd 0
        dw 0, 104
        align 8
idt:    times 129 dq 0
idt_pointer:
        dw 0x407
        dd idt
