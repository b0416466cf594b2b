/* Frames that no plain rule describes: a CFA kept in rbx, one given by an expression, rbp kept in a register, the loader's
 * lazy binding; and code without any call frame information, assembled or generated at run time, with and without frame
 * pointers outside of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int chosen(int value);

#define NOINLINE __attribute__((noinline))

typedef void function(void);

void call_cfa_in_rbx(function *callee);
void call_cfa_expression(function *callee);
void call_rbp_in_register(function *callee);
void call_without_information(function *callee);
extern const char call_without_information_end[];

__asm__(".text\n"
        ".type call_cfa_in_rbx, @function\n"
        "call_cfa_in_rbx:\n"
        "    .cfi_startproc\n"
        "    push %rbx\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset rbx, -16\n"
        "    mov %rsp, %rbx\n"
        "    .cfi_def_cfa_register rbx\n"
        "    sub $100, %rsp\n"
        "    and $-64, %rsp\n"
        "    call *%rdi\n"
        "    mov %rbx, %rsp\n"
        "    .cfi_def_cfa_register rsp\n"
        "    pop %rbx\n"
        "    .cfi_def_cfa_offset 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size call_cfa_in_rbx, . - call_cfa_in_rbx\n"
        ".type call_cfa_expression, @function\n"
        "call_cfa_expression:\n"
        "    .cfi_startproc\n"
        "    sub $24, %rsp\n"
        "    .cfi_escape 0x0f, 2, 0x77, 32\n" /* DW_CFA_def_cfa_expression: rsp + 32 */
        "    call *%rdi\n"
        "    add $24, %rsp\n"
        "    .cfi_def_cfa rsp, 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size call_cfa_expression, . - call_cfa_expression\n"
        ".type call_rbp_in_register, @function\n"
        "call_rbp_in_register:\n"
        "    .cfi_startproc\n"
        "    push %r12\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset r12, -16\n"
        "    mov %rbp, %r12\n"
        "    .cfi_register rbp, r12\n"
        "    mov $1, %ebp\n"
        "    call *%rdi\n"
        "    mov %r12, %rbp\n"
        "    .cfi_restore rbp\n"
        "    pop %r12\n"
        "    .cfi_def_cfa_offset 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size call_rbp_in_register, . - call_rbp_in_register\n"
        ".type call_without_information, @function\n"
        "call_without_information:\n"
        "    push %rbp\n"
        "    mov %rsp, %rbp\n"
        "    push %rbx\n"
        "    sub $40, %rsp\n"
        "    call *%rdi\n"
        "    add $40, %rsp\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        "call_without_information_end:\n"
        ".size call_without_information, . - call_without_information\n");

NOINLINE static void touch(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

static function *call_generated;

NOINLINE static void leaf(void)
{
    touch(10);
    touch(11);
}

NOINLINE static void inner(void)
{
    touch(12);
    call_cfa_expression(leaf);
    touch(13);
}

NOINLINE static void middle(void)
{
    touch(14);
    call_rbp_in_register(inner);
    call_cfa_in_rbx(inner);
    touch(15);
}

NOINLINE static void outer(void)
{
    call_without_information(leaf);
    ((void (*)(function *))(void *)call_generated)(leaf);
    touch(16);
    call_cfa_in_rbx(middle);
    call_without_information(middle);
    ((void (*)(function *))(void *)call_generated)(middle);
}

NOINLINE static int descend(int depth)
{
    volatile char room[48];
    room[0] = (char)depth;
    if (depth > 0) {
        return descend(depth - 1) + room[0];
    }
    outer();
    return chosen(room[0]);
}

int main(void)
{
    const size_t bytes = (size_t)(call_without_information_end - (const char *)call_without_information);
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, (const void *)call_without_information, bytes);
    mprotect(code, 4096, PROT_READ | PROT_EXEC);
    memcpy(&call_generated, &code, sizeof code);
    int total = 0;
    for (int i = 0; i < 60; i++) {
        total += descend(i % 8);
    }
    printf("%d\n", total);
    return 0;
}
