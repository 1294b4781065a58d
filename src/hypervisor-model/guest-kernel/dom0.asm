; Domain 0, as small as can be: it may use ports, answers what other domains put into the ring, and waits for more.
        bits 32
        org 0x1000
RING            equ 0x30000             ; granted by the other domain: its ring, and the page of data
RING_DATA       equ 0x31000
SCHED_BLOCK     equ 4
EVENT_SEND      equ 9

serve:  mov eax, [RING + 4]
        cmp eax, [RING]
        jne .answer
        mov eax, SCHED_BLOCK
        int 0x82
        jmp serve
.answer:
        and eax, 7
        mov ecx, [RING + 16 + eax * 8]
        mov eax, [RING + 20 + eax * 8]
        cmp ecx, 1
        je .read
        cmp ecx, 2
        je .receive
        mov edx, 0x314
        mov ecx, 16
        mov esi, RING_DATA
.out:   mov eax, [esi]
        out dx, eax
        add esi, 4
        dec ecx
        jnz .out
        jmp .done
.receive:
        mov edx, 0x314
        mov ecx, 16
        jmp .in
.read:  mov edx, 0x300
        out dx, eax
        mov edx, 0x304
        mov ecx, 128
.in:    mov edi, RING_DATA
.next:  in eax, dx
        mov [edi], eax
        add edi, 4
        dec ecx
        jnz .next
.done:  inc dword [RING + 4]
        mov eax, EVENT_SEND
        int 0x82
        jmp serve
