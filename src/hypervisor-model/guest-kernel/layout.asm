; The teaching kernel's memory, guest-physical and linear alike: the kernel maps its 1 MiB where it is. A monitor loads the
; image at 1000h, writes PARAMETERS and starts it in 32-bit protected mode with paging off and flat segments (a paravirtual one
; starts it in ring 1 with paging on).
        bits 32
        org 0x1000

PARAMETERS      equ 0x500               ; number of the workload, number of iterations
RESULTS         equ 0x9000              ; what a workload leaves behind: see results below
KERNEL_STACK    equ 0xb000              ; top
DIRECTORY       equ 0x10000             ; page directory of the first process
KERNEL_TABLE    equ 0x11000             ; page table of the first 4 MiB, shared by all
USER_TABLE      equ 0x12000             ; page table of the second 4 MiB: the process's own
DEVICE_TABLE    equ 0x13000             ; page table of device memory, where there is any
OTHER_DIRECTORY equ 0x14000             ; a second process
OTHER_TABLE     equ 0x15000
BUFFER          equ 0x16000
USER_CODE       equ 0x18000             ; frames of the first process's two pages
USER_DATA       equ 0x19000
OTHER_DATA      equ 0x1a000
SCRATCH         equ 0x1b000             ; frame whose page table entry is rewritten
POOL            equ 0x20000             ; pages for who asks
MEMORY          equ 0x100000            ; bytes

USER            equ 0x400000            ; linear: code, read only
USER_STACK      equ 0x402000            ; linear: top of the data page
FORBIDDEN       equ 0x500000            ; linear: never mapped
DEMAND          equ 0x600000            ; linear: mapped when touched

; Result words at RESULTS.
R_DONE          equ RESULTS             ; 600DF00Dh at the end
R_FAULTS        equ RESULTS + 4         ; page faults of a process
R_DIVIDES       equ RESULTS + 8
R_TICKS         equ RESULTS + 12
R_CALLS         equ RESULTS + 16
R_SUM           equ RESULTS + 20        ; checksum of what was read, copied or echoed
R_FORKS         equ RESULTS + 24
R_VALUE         equ RESULTS + 28        ; the workload's own
R_ALPHA         equ RESULTS + 32        ; containers: pid seen, pid of the kernel, name, pages granted
R_BETA          equ RESULTS + 48
