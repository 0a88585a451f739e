// As dump_x86_64.S.
    .bss
    .balign 64
    .globl dumped
dumped: .skip 8 * 16 + 16 * 8 + 4096
    .text
    .globl dump
dump:
    adrp x9, dumped
    add x9, x9, :lo12:dumped
    stp x0, x1, [x9]
    stp x2, x3, [x9, 16]
    stp x4, x5, [x9, 32]
    stp x6, x7, [x9, 48]
    str x8, [x9, 64]
    mov x10, sp
    str x10, [x9, 120]
    stp q0, q1, [x9, 128]
    stp q2, q3, [x9, 160]
    stp q4, q5, [x9, 192]
    stp q6, q7, [x9, 224]
    add x9, x9, 256
    mov x11, 256
1:  ldp x12, x13, [x10], 16
    stp x12, x13, [x9], 16
    subs x11, x11, 1
    b.ne 1b
    ret

    .globl dump_result
dump_result:
    stp x29, x30, [sp, -16]!
    mov x9, x0
    mov x0, x1
    mov x8, x1
    mov x1, x2
    blr x9
    adrp x9, dumped
    add x9, x9, :lo12:dumped
    stp x0, x1, [x9]
    stp x2, x3, [x9, 16]
    stp q0, q1, [x9, 128]
    stp q2, q3, [x9, 160]
    ldp x29, x30, [sp], 16
    ret
    .section .note.GNU-stack,"",@progbits
