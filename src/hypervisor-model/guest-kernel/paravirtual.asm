; The platform of a paravirtual kernel (Barham et al., SOSP 2003): it knows that it runs in ring 1, asks the hypervisor by INT 82h,
; keeps its page tables read only and of machine addresses, and reaches disk and network through a ring shared with domain 0.
KERNEL_CODE_SELECTOR equ 0x09
KERNEL_DATA_SELECTOR equ 0x11
USER_CODE_SELECTOR   equ 0x1b
USER_DATA_SELECTOR   equ 0x23

; Pages of the domain that others see too, and the tables it was started with.
RING            equ 0x1c000             ; requests made, requests answered, requests
SHARED          equ 0x1d000             ; event pending, events masked, channels pending, CR2, task priority
RING_DATA       equ 0x1e000             ; what a request is about
FIRST_DIRECTORY equ 0xf0000
FIRST_TABLE     equ 0xf1000

S_PENDING       equ SHARED
S_MASK          equ SHARED + 4
S_CHANNELS      equ SHARED + 8
S_CR2           equ SHARED + 12
S_PRIORITY      equ SHARED + 16

; Hypercalls: number in EAX, EBX and ECX.
SET_TRAP_TABLE  equ 0                   ; table, its end
MMU_UPDATE      equ 1                   ; machine address of an entry, its new value
STACK_SWITCH    equ 2                   ; stack for traps from ring 3
CONSOLE_IO      equ 3                   ; a letter
SCHED_BLOCK     equ 4
NEW_BASEPTR     equ 5                   ; machine address of a directory
PIN_TABLE       equ 6                   ; likewise
UNPIN_TABLE     equ 7                   ; likewise
UPDATE_VA       equ 8                   ; linear address, entry
EVENT_SEND      equ 9
SET_TIMER       equ 10                  ; 1 on, 0 off
SHUTDOWN        equ 11
SET_CALLBACKS   equ 12                  ; where events go

platform_start:
        mov ebx, traps
        mov ecx, traps_end
        mov eax, SET_TRAP_TABLE
        int 0x82
        mov ebx, event
        mov eax, SET_CALLBACKS
        int 0x82
        mov ebx, KERNEL_STACK
        mov eax, STACK_SWITCH
        int 0x82
        mov esi, page_tables            ; read only in the tables to come …
.new:   mov eax, [esi]
        shr eax, 10
        and dword [KERNEL_TABLE + eax], ~2
        add esi, 4
        cmp esi, page_tables_end
        jb .new
        mov esi, page_tables            ; … and in those in use
.now:   mov ebx, [esi]
        lea ecx, [ebx + 1]
        add ecx, [machine_offset]
        mov eax, UPDATE_VA
        int 0x82
        add esi, 4
        cmp esi, page_tables_end
        jb .now
        mov ebx, DIRECTORY
        call pin
        mov ebx, OTHER_DIRECTORY
        call pin
        mov eax, DIRECTORY
        call platform_load_directory
        mov ebx, FIRST_DIRECTORY
        add ebx, [machine_offset]
        mov eax, UNPIN_TABLE
        int 0x82
        ret

platform_load_directory:
        push ebx
        mov ebx, eax
        add ebx, [machine_offset]
        mov eax, NEW_BASEPTR
        int 0x82
        test eax, eax
        jnz platform_stop               ; refused: nothing can be done
        pop ebx
        ret

pin:    add ebx, [machine_offset]
        mov eax, PIN_TABLE
        int 0x82
        test eax, eax
        jnz platform_stop
        ret

; To where the frame on the stack says; events are let in again where they were.
platform_return:
        test dword [esp + 8], 0x200
        jz .back
        mov dword [S_MASK], 0
        cmp dword [S_PENDING], 0
        jne .event
.back:  iretd
.event: mov dword [S_MASK], 1
event:  push eax
        mov dword [S_PENDING], 0
        xor eax, eax
        xchg eax, [S_CHANNELS]
        test al, 1                      ; channel 0: the timer
        jz .other
        inc dword [R_TICKS]
.other: pop eax
        jmp platform_return

; The timer comes as an event, not as a trap.
platform_end_of_interrupt:
        ret

platform_stop:
        mov eax, SHUTDOWN
        int 0x82

platform_put:
        push ebx
        movzx ebx, al
        mov eax, CONSOLE_IO
        int 0x82
        pop ebx
        ret

platform_fault_address:
        mov eax, [S_CR2]
        ret

platform_set_pte:
        push ebx
        mov ecx, eax
        lea ebx, [edi]
        add ebx, [machine_offset]
        mov eax, MMU_UPDATE
        int 0x82
        pop ebx
        ret

; Both pages read only, then the directory pinned.
platform_make_directory:
        push ebx
        push ecx
        mov ebx, eax
        push ebx
        call read_only
        mov ebx, [esp + 4]
        call read_only
        pop ebx
        call pin
        pop ecx
        pop ebx
        ret

read_only:
        mov ecx, 1
protect:
        or ecx, ebx
        add ecx, [machine_offset]
        mov eax, UPDATE_VA
        int 0x82
        ret

; The directory at EAX and the table in its second entry can be written again.
platform_release_directory:
        push ebx
        push esi
        mov esi, eax
        mov ebx, eax
        add ebx, [machine_offset]
        mov eax, UNPIN_TABLE
        int 0x82
        mov ebx, [esi + 4]
        and ebx, 0xfffff000
        sub ebx, [machine_offset]
        mov ecx, 3
        call protect
        mov ebx, esi
        mov ecx, 3
        call protect
        pop esi
        pop ebx
        ret

platform_start_timer:
        push ebx
        mov ebx, 1
        jmp set_timer
platform_stop_timer:
        push ebx
        xor ebx, ebx
set_timer:
        mov eax, SET_TIMER
        int 0x82
        pop ebx
        ret

; Until an event has come.
platform_wait:
        mov eax, SCHED_BLOCK
        int 0x82
        ret

platform_priority:
        mov [S_PRIORITY], ecx
        dec ecx
        jnz platform_priority
        jmp finish

RING_READ       equ 1
RING_RECEIVE    equ 2
RING_TRANSMIT   equ 3

platform_read_sector:
        mov ecx, RING_READ
        call request
        mov esi, RING_DATA
        mov ecx, 128
        rep movsd
        ret

platform_receive:
        mov ecx, RING_RECEIVE
        call request
        push esi
        mov esi, RING_DATA
        mov ecx, 16
        rep movsd
        pop esi
        ret

platform_transmit:
        push edi
        mov edi, RING_DATA
        mov ecx, 16
        rep movsd
        pop edi
        mov ecx, RING_TRANSMIT

; Asks domain 0 for ECX with EAX, and waits.
request:
        push ebx
        mov edx, [RING]
        and edx, 7
        mov [RING + 16 + edx * 8], ecx
        mov [RING + 20 + edx * 8], eax
        inc dword [RING]
        mov eax, EVENT_SEND
        int 0x82
.wait:  mov eax, [RING + 4]
        cmp eax, [RING]
        je .done
        mov eax, SCHED_BLOCK
        int 0x82
        jmp .wait
.done:  pop ebx
        ret

        align 0x1000
page_tables:
        dd DIRECTORY, KERNEL_TABLE, USER_TABLE, OTHER_DIRECTORY, OTHER_TABLE, FIRST_DIRECTORY, FIRST_TABLE
page_tables_end:
