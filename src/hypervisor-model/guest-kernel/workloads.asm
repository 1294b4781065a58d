; The workloads: small pieces that do one thing ECX times. Those of a process are in user.asm.
        align 4
workloads:
        dd finish               ; 0: boot alone
        dd run_system_call      ; 1
        dd run_port_input       ; 2
        dd platform_priority    ; 3
        dd run_call_return      ; 4
        dd run_page_fault       ; 5
        dd run_divide           ; 6
        dd run_page_table       ; 7
        dd run_switch           ; 8
        dd run_timer            ; 9
        dd run_fork             ; 10
        dd run_copy             ; 11
        dd run_file_read        ; 12
        dd run_echo             ; 13
        dd run_demand           ; 14
        dd run_containers       ; 15
        dd run_compute          ; 16

run_system_call:
        mov eax, user_system_call
        jmp enter_user

run_port_input:
        in al, 0x80
        dec ecx
        jnz run_port_input
        jmp finish

run_call_return:
        call .nothing
        dec ecx
        jnz run_call_return
        jmp finish
.nothing:
        ret

run_page_fault:
        mov eax, user_page_fault
        jmp enter_user

run_divide:
        mov eax, user_divide
        jmp enter_user

; The entry of a page nobody touches: not present, and present again.
run_page_table:
        mov ebx, ecx
.next:  mov edi, KERNEL_TABLE + SCRATCH / 0x1000 * 4
        xor eax, eax
        call platform_set_pte
        mov eax, SCRATCH + 3
        add eax, [machine_offset]
        mov edi, KERNEL_TABLE + SCRATCH / 0x1000 * 4
        call platform_set_pte
        dec ebx
        jnz .next
        jmp finish

; To the other address space and back.
run_switch:
        mov ebx, ecx
.next:  mov eax, OTHER_DIRECTORY
        call platform_load_directory
        mov eax, DIRECTORY
        call platform_load_directory
        dec ebx
        jnz .next
        jmp finish

run_timer:
        mov ebx, ecx
        call platform_start_timer
.next:  call platform_wait
        cmp [R_TICKS], ebx
        jb .next
        call platform_stop_timer
        jmp finish

run_fork:
        mov eax, user_fork
        jmp enter_user

; A page, copied.
run_copy:
        mov edx, ecx
.next:  mov esi, user_image
        mov edi, BUFFER
        mov ecx, 1024
        rep movsd
        dec edx
        jnz .next
        mov eax, [BUFFER]
        mov [R_SUM], eax
        jmp finish

run_file_read:
        mov eax, user_file_read
        jmp enter_user

; ECX frames of 64 bytes come in and go back.
run_echo:
        mov ebx, ecx
.next:  mov edi, BUFFER
        call platform_receive
        mov eax, [BUFFER]
        add [R_SUM], eax
        mov esi, BUFFER
        call platform_transmit
        dec ebx
        jnz .next
        jmp finish

run_demand:
        mov eax, user_demand
        jmp enter_user

; Two name spaces with a host name, a numbering of processes and a limit of pages each.
run_containers:
        mov dword [parent + P_PID], 1
        mov dword [parent + P_NAME], "alph"
        mov dword [parent + P_LIMIT], 2
        mov dword [other + P_PID], 1
        mov dword [other + P_NAME], "beta"
        mov dword [other + P_LIMIT], 5
        mov eax, [parent + P_HOST_PID]
        mov [R_ALPHA + 4], eax
        mov eax, [other + P_HOST_PID]
        mov [R_BETA + 4], eax
        mov edi, other + P_CONTEXT      ; as if it had trapped at its first instruction
        mov [edi + 24], ecx             ; ECX
        mov dword [edi + 4], 1          ; ESI: which of the two
        mov dword [edi + 32], user_containers + USER - user_image
        mov dword [edi + 36], USER_CODE_SELECTOR
        mov dword [edi + 40], 0x202
        mov dword [edi + 44], USER_STACK
        mov dword [edi + 48], USER_DATA_SELECTOR
        xor esi, esi
        mov eax, user_containers
        jmp enter_user

run_compute:
        mov eax, user_compute
        jmp enter_user
