; Programs of the processes. They run at USER, read only, so whatever they refer to is in registers or on the data page.
        align 4
user_image:
user_system_call:
        mov eax, SYS_PID
        int 0x80
        dec ecx
        jnz user_system_call
        jmp user_end

user_page_fault:
        mov ebx, FORBIDDEN
.next:  mov al, [ebx]
        dec ecx
        jnz .next
        jmp user_end

user_divide:
        xor ebx, ebx
.next:  div ebx
        dec ecx
        jnz .next
        jmp user_end

; fork, exit in the child, go on in the parent.
user_fork:
        mov [USER_STACK - 4], ecx
        mov eax, SYS_FORK
        int 0x80
        test eax, eax
        jz .child
        mov ecx, [USER_STACK - 4]
        dec ecx
        jnz user_fork
        jmp user_end
.child: mov dword [USER_STACK - 4], 77  ; in its own page
        mov eax, SYS_EXIT
        int 0x80

; Reads ECX sectors of the disk and adds up their first words.
user_file_read:
        xor ebx, ebx
        xor ebp, ebp
.next:  mov edi, USER_STACK - 0x1000
        mov eax, SYS_READ
        int 0x80
        add ebp, [USER_STACK - 0x1000]
        inc ebx
        dec ecx
        jnz .next
        mov ebx, ebp
        jmp user_end_with

; Touches ECX pages that are mapped on demand.
user_demand:
        mov ebx, DEMAND
.next:  mov [ebx], ecx
        add ebx, 0x1000
        dec ecx
        jnz .next
        jmp user_end

; What a process in a container sees; the kernel is asked ECX times. ESI: 0 for the first, 1 for the second.
user_containers:
        mov eax, SYS_PID
        int 0x80
        mov [USER_STACK - 16], eax
        mov eax, SYS_NAME
        int 0x80
        mov [USER_STACK - 12], eax
        mov eax, SYS_YIELD
        int 0x80
        dec ecx
        jnz user_containers
        xor ebp, ebp
.more:  mov eax, SYS_PAGE
        int 0x80
        cmp eax, -1
        je .refused
        inc ebp
        jmp .more
.refused:
        mov [USER_STACK - 8], ebp
        mov eax, SYS_YIELD
        int 0x80
        mov ebx, ebp
        jmp user_end_with

; No event at all: additions, ECX times a thousand.
user_compute:
        xor ebx, ebx
.outer: mov edx, 1000
.inner: add ebx, edx
        dec edx
        jnz .inner
        dec ecx
        jnz .outer
        jmp user_end_with

user_end:
        xor ebx, ebx
user_end_with:
        mov eax, SYS_FINISH
        int 0x80
user_image_end:
