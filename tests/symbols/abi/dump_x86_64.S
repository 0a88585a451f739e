# What the generated callers call: it stores all argument registers and the stack, and returns what it was
# given first, which is where a hidden pointer is.
    .bss
    .balign 64
    .globl dumped
dumped: .skip 8 * 16 + 16 * 8 + 4096
    .text
    .globl dump
dump:
    movq %rdi, dumped+0(%rip)
    movq %rsi, dumped+8(%rip)
    movq %rdx, dumped+16(%rip)
    movq %rcx, dumped+24(%rip)
    movq %r8, dumped+32(%rip)
    movq %r9, dumped+40(%rip)
    movq %rsp, dumped+120(%rip)
    movups %xmm0, dumped+128(%rip)
    movups %xmm1, dumped+144(%rip)
    movups %xmm2, dumped+160(%rip)
    movups %xmm3, dumped+176(%rip)
    movups %xmm4, dumped+192(%rip)
    movups %xmm5, dumped+208(%rip)
    movups %xmm6, dumped+224(%rip)
    movups %xmm7, dumped+240(%rip)
    movq %rdi, %rax
    movq %rsp, %rsi
    leaq dumped+256(%rip), %rdi
    movl $512, %ecx
    rep movsq
    ret

# dump_result(function, scratch, image): calls function(scratch, image, image), and stores the result registers.
    .globl dump_result
dump_result:
    subq $8, %rsp
    movq %rdi, %rax
    movq %rsi, %rdi
    movq %rdx, %rsi
    call *%rax
    movq %rax, dumped+0(%rip)
    movq %rdx, dumped+8(%rip)
    movups %xmm0, dumped+128(%rip)
    movups %xmm1, dumped+144(%rip)
    fstpt dumped+160(%rip)
    fstpt dumped+176(%rip)
    fninit
    addq $8, %rsp
    ret
    .section .note.GNU-stack,"",@progbits
