; What the kernel changes as it runs, in a page apart from its code.
        align 4
current:        dd parent
free_page:      dd POOL
machine_offset: dd 0                    ; machine address of guest-physical 0, where the kernel has to know
parent:         dd 1
                db "host"
                dd DIRECTORY, 0, 8, other, 1
                times 13 dd 0
child:          dd 2
                db "host"
                dd 0, 0, 8, 0, 2
                times 13 dd 0
other:          dd 2
                db "host"
                dd OTHER_DIRECTORY, 0, 8, parent, 2
                times 13 dd 0
