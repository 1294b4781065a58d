; The teaching kernel: boot, page tables, traps, system calls, processes. What differs between a bare machine and a
; paravirtual one are the platform_ routines (native.asm, paravirtual.asm); they may change EAX, ECX and EDX.
start:
        mov esp, KERNEL_STACK
        call build_tables
        call platform_start             ; traps, then paging with the directory that was built
        mov esi, banner
.print: lodsb
        test al, al
        jz .ready
        call platform_put
        jmp .print
.ready: mov eax, [PARAMETERS]
        mov ecx, [PARAMETERS + 4]
        jmp [workloads + eax * 4]

; Ends the run.
finish: mov dword [R_DONE], 0x600df00d
        jmp platform_stop

; Two processes: shared kernel table, a page of code and a page of data each.
build_tables:
        mov edx, [machine_offset]
        lea eax, [edx + KERNEL_TABLE + 3]
        mov [DIRECTORY], eax
        mov [OTHER_DIRECTORY], eax
        lea eax, [edx + USER_TABLE + 7]
        mov [DIRECTORY + 4], eax
        lea eax, [edx + OTHER_TABLE + 7]
        mov [OTHER_DIRECTORY + 4], eax
        mov edi, KERNEL_TABLE
        lea eax, [edx + 3]
        mov ecx, MEMORY / 0x1000
.fill:  mov [edi], eax
        add edi, 4
        add eax, 0x1000
        dec ecx
        jnz .fill
        lea eax, [edx + USER_CODE + 5]
        mov [USER_TABLE], eax
        mov [OTHER_TABLE], eax
        lea eax, [edx + USER_DATA + 7]
        mov [USER_TABLE + 4], eax
        lea eax, [edx + OTHER_DATA + 7]
        mov [OTHER_TABLE + 4], eax
        mov esi, user_image
        mov edi, USER_CODE
        mov ecx, (user_image_end - user_image + 3) / 4
        rep movsd
        ret

; To ring 3 at EAX, an offset in the user image, with ECX iterations in ECX.
enter_user:
        add eax, USER - user_image
        push USER_DATA_SELECTOR
        push USER_STACK
        push 0x202
        push USER_CODE_SELECTOR
        push eax
        mov ax, USER_DATA_SELECTOR
        mov ds, ax
        mov es, ax
        jmp platform_return

; Vector, lowest ring that may call it, handler.
        align 4
traps:  dd 0, 0, divide_error
        dd 14, 0, page_fault
        dd 0x20, 0, timer
        dd 0x80, 3, system_call
traps_end:

; A process divided by zero: its instruction, two bytes long, is left out.
divide_error:
        inc dword [R_DIVIDES]
        add dword [esp], 2
        jmp platform_return

; In the demand region a page from the pool is mapped. Elsewhere the instruction, two bytes long, is left out, as a process
; does that handles the signal itself.
page_fault:
        pushad
        inc dword [R_FAULTS]
        call platform_fault_address
        cmp eax, DEMAND
        jb .skip
        mov edi, eax
        shr edi, 10
        and edi, 0xffc
        add edi, USER_TABLE
        call take_page
        add eax, [machine_offset]
        or eax, 7
        call platform_set_pte
        jmp .done
.skip:  add dword [esp + 36], 2
.done:  popad
        add esp, 4
        jmp platform_return

timer:  push eax
        push ecx
        push edx
        inc dword [R_TICKS]
        call platform_end_of_interrupt
        pop edx
        pop ecx
        pop eax
        jmp platform_return

; EAX the number, results in EAX.
system_call:
        cmp eax, (calls_end - calls) / 4
        jae .bad
        jmp [calls + eax * 4]
.bad:   mov eax, -1
        jmp platform_return

        align 4
calls:  dd call_pid, call_finish, call_put, call_read, call_fork, call_exit, call_yield, call_page, call_name
calls_end:
SYS_PID         equ 0
SYS_FINISH      equ 1
SYS_PUT         equ 2
SYS_READ        equ 3
SYS_FORK        equ 4
SYS_EXIT        equ 5
SYS_YIELD       equ 6
SYS_PAGE        equ 7
SYS_NAME        equ 8

; The process's number in its own name space.
call_pid:
        mov eax, [current]
        mov eax, [eax + P_PID]
        jmp platform_return

call_finish:
        mov [R_VALUE], ebx
        jmp finish

call_put:
        mov al, bl
        call platform_put
        jmp platform_return

; Sector EBX to EDI.
call_read:
        pushad
        mov eax, ebx
        call platform_read_sector
        popad
        jmp platform_return

; A child with the same code and a copy of the data page; it runs first.
call_fork:
        pushad
        inc dword [R_FORKS]
        mov edi, parent
        call save_context
        mov dword [parent + P_CONTEXT + 28], 2  ; EAX of the parent: the child's number
        call take_page
        mov [child + P_DIRECTORY], eax
        mov ebx, eax
        call take_page
        mov ebp, eax
        mov edi, eax
        call clear_page
        mov edi, ebx
        call clear_page
        mov edx, [machine_offset]
        mov eax, [DIRECTORY]
        mov [ebx], eax
        lea eax, [edx + ebp + 7]
        mov [ebx + 4], eax
        mov eax, [USER_TABLE]
        mov [ebp], eax
        call take_page
        mov edx, [machine_offset]
        lea ecx, [edx + eax + 7]
        mov [ebp + 4], ecx
        mov edi, eax
        mov esi, USER_DATA
        mov ecx, 1024
        rep movsd
        mov eax, ebx
        mov ecx, ebp
        call platform_make_directory
        mov dword [current], child
        mov eax, [child + P_DIRECTORY]
        call platform_load_directory
        popad
        xor eax, eax
        jmp platform_return

; The child ends: its pages are free, the parent goes on.
call_exit:
        mov dword [current], parent
        mov eax, DIRECTORY
        call platform_load_directory
        mov eax, [child + P_DIRECTORY]
        call platform_release_directory
        sub dword [free_page], 0x3000
        mov esi, parent
        jmp resume

; To the other of two processes.
call_yield:
        pushad
        mov edi, [current]
        call save_context
        mov esi, [edi + P_OTHER]
        mov [current], esi
        mov eax, [esi + P_DIRECTORY]
        call platform_load_directory
        mov esi, [current]
        jmp resume

; A page, unless the process has what its limit allows: -1.
call_page:
        mov ebx, [current]
        mov eax, [ebx + P_PAGES]
        cmp eax, [ebx + P_LIMIT]
        jae .refused
        inc dword [ebx + P_PAGES]
        call take_page
        jmp platform_return
.refused:
        mov eax, -1
        jmp platform_return

; The first four letters of the host's name, as the process's name space has it.
call_name:
        mov eax, [current]
        mov eax, [eax + P_NAME]
        jmp platform_return

; PUSHAD and the frame of the trap from ring 3 to the process EDI.
save_context:
        push edi
        lea esi, [KERNEL_STACK - 52]
        add edi, P_CONTEXT
        mov ecx, 13
        rep movsd
        pop edi
        ret

; Goes on with the process ESI.
resume: add esi, P_CONTEXT
        mov edi, KERNEL_STACK - 52
        mov ecx, 13
        rep movsd
        mov esp, KERNEL_STACK - 52
        popad
        jmp platform_return

; EAX: a page from the pool.
take_page:
        mov eax, [free_page]
        add dword [free_page], 0x1000
        ret

; The page at EDI. Changes ECX and EDI.
clear_page:
        push eax
        xor eax, eax
        mov ecx, 1024
        rep stosd
        pop eax
        ret

P_PID           equ 0                   ; in its own name space
P_NAME          equ 4                   ; likewise
P_DIRECTORY     equ 8
P_PAGES         equ 12
P_LIMIT         equ 16
P_OTHER         equ 20
P_HOST_PID      equ 24
P_CONTEXT       equ 28

banner:         db "teaching kernel", 10, 0
