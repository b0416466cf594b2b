/* Seccomp filters: what the kernel would do with them is what is foretold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "agent/seccomp_filter.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define FIELD(name)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define RUN(...)                                                                                             \
    run((const struct sock_filter[]){__VA_ARGS__}, COUNT(((const struct sock_filter[]){__VA_ARGS__})))
#define REFUSED(...)                                                                                         \
    cairn_seccomp_refused_by((const struct sock_filter[]){__VA_ARGS__},                                      \
                             COUNT(((const struct sock_filter[]){__VA_ARGS__})))
#define RETURN_A BPF_STMT(BPF_RET | BPF_A, 0)

/* In memory of its own size: a sanitizer sees what is read beyond it. */
static uint32_t run(const struct sock_filter *rules, size_t count)
{
    struct sock_filter *copy = malloc(count * sizeof *copy);
    struct seccomp_data *call = malloc(sizeof *call);
    assert_non_null(copy);
    assert_non_null(call);
    for (size_t i = 0; i < count; i++) {
        copy[i] = rules[i];
    }
    *call = (struct seccomp_data){.nr = 42,
                                  .arch = AUDIT_ARCH_X86_64,
                                  .instruction_pointer = 0x1122334455667788,
                                  .args = {1, 2, 3, 4, 5, ~0ull << 32 | 6}};
    const uint32_t result = cairn_seccomp_run(copy, count, call);
    free(copy);
    free(call);
    return result;
}

static void test_loads(void **state)
{
    (void)state;
    assert_int_equal(RUN(FIELD(nr), RETURN_A), 42);
    assert_int_equal(RUN(FIELD(arch), RETURN_A), AUDIT_ARCH_X86_64);
    assert_int_equal(RUN(FIELD(instruction_pointer), RETURN_A), 0x55667788);
    assert_int_equal(RUN(FIELD(args[5]), RETURN_A), 6);
    assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), RETURN_A), ~0u);
    assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), RETURN_A), 64);
    assert_int_equal(RUN(BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0), RETURN_A),
                     64);
    assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_IMM, 9), BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LDX | BPF_MEM, 15),
                         BPF_STMT(BPF_STX, 0), BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_LD | BPF_MEM, 0),
                         RETURN_A),
                     9);
}

static uint32_t calculated(uint16_t operation, uint32_t a, uint32_t by)
{
    const uint32_t with_k =
        RUN(BPF_STMT(BPF_LD | BPF_IMM, a), BPF_STMT(BPF_ALU | operation | BPF_K, by), RETURN_A);
    const uint32_t with_x =
        RUN(BPF_STMT(BPF_LD | BPF_IMM, by), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, a),
            BPF_STMT(BPF_ALU | operation | BPF_X, 77), RETURN_A);
    assert_int_equal(with_k, with_x);
    return with_k;
}

static void test_arithmetic(void **state)
{
    (void)state;
    assert_int_equal(calculated(BPF_ADD, ~0u, 3), 2);
    assert_int_equal(calculated(BPF_SUB, 2, 3), ~0u);
    assert_int_equal(calculated(BPF_MUL, 1u << 31, 3), 1u << 31);
    assert_int_equal(calculated(BPF_DIV, 20, 3), 6);
    assert_int_equal(calculated(BPF_AND, 12, 10), 8);
    assert_int_equal(calculated(BPF_OR, 12, 10), 14);
    assert_int_equal(calculated(BPF_XOR, 12, 10), 6);
    assert_int_equal(calculated(BPF_LSH, 3, 31), 1u << 31);
    assert_int_equal(calculated(BPF_RSH, 1u << 31, 30), 2);
    assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_ALU | BPF_NEG, 0), RETURN_A), ~0u);
}

static uint32_t jumped(uint16_t operation, uint32_t a, uint32_t with)
{
    const uint32_t by_k =
        RUN(BPF_STMT(BPF_LD | BPF_IMM, a), BPF_JUMP(BPF_JMP | operation | BPF_K, with, 1, 2),
            BPF_STMT(BPF_RET, 7), BPF_STMT(BPF_RET, 1), BPF_STMT(BPF_RET, 0));
    const uint32_t by_x = RUN(BPF_STMT(BPF_LD | BPF_IMM, with), BPF_STMT(BPF_MISC | BPF_TAX, 0),
                              BPF_STMT(BPF_LD | BPF_IMM, a), BPF_JUMP(BPF_JMP | operation | BPF_X, 99, 1, 2),
                              BPF_STMT(BPF_RET, 7), BPF_STMT(BPF_RET, 1), BPF_STMT(BPF_RET, 0));
    assert_int_equal(by_k, by_x);
    return by_k;
}

static void test_jumps(void **state)
{
    (void)state;
    assert_int_equal(jumped(BPF_JEQ, 5, 5), 1);
    assert_int_equal(jumped(BPF_JEQ, 5, 6), 0);
    assert_int_equal(jumped(BPF_JGT, 1u << 31, 5), 1);
    assert_int_equal(jumped(BPF_JGT, 5, 5), 0);
    assert_int_equal(jumped(BPF_JGE, 5, 5), 1);
    assert_int_equal(jumped(BPF_JGE, 4, 5), 0);
    assert_int_equal(jumped(BPF_JSET, 6, 2), 1);
    assert_int_equal(jumped(BPF_JSET, 6, 1), 0);
    assert_int_equal(RUN(BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET, 7), BPF_STMT(BPF_RET, 1)), 1);
}

/* No kernel takes them, but the program may have changed its memory since. */
static void test_what_is_no_filter(void **state)
{
    (void)state;
    const uint32_t kill = SECCOMP_RET_KILL_PROCESS;
    assert_int_equal(cairn_seccomp_run(NULL, 0, NULL), kill);
    assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_IMM, 1)), kill);
    assert_int_equal(RUN(BPF_STMT(BPF_JMP | BPF_JA, ~0u), BPF_STMT(BPF_RET, 0)), kill);
    assert_int_equal(RUN(BPF_JUMP(BPF_JMP | BPF_JEQ, 0, 255, 255), BPF_STMT(BPF_RET, 0)), kill);
    for (uint32_t k = 61; k < 70; k++) {
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, k), BPF_STMT(BPF_RET, 0)), kill);
    }
    assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ~3u), BPF_STMT(BPF_RET, 0)), kill);
    assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET, 0)), kill);
    assert_int_equal(RUN(BPF_STMT(BPF_ST, 16), BPF_STMT(BPF_RET, 0)), kill);
    assert_int_equal(RUN(BPF_STMT(BPF_STX, ~0u), BPF_STMT(BPF_RET, 0)), kill);
    assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_MEM, 16), BPF_STMT(BPF_RET, 0)), kill);
    assert_int_equal(RUN(BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET, 0)), kill);
    for (uint32_t code = 0; code <= UINT16_MAX; code++) {
        RUN(BPF_STMT((uint16_t)code, ~0u), BPF_STMT((uint16_t)code, 64), BPF_STMT(BPF_RET, 0));
    }
}

#define UNLESS_CALL(number) FIELD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1)

static void test_what_is_refused(void **state)
{
    (void)state;
    const struct sock_filter allow = BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW);
    assert_int_equal(REFUSED(allow), 0);
    assert_int_equal(REFUSED(BPF_STMT(BPF_RET, SECCOMP_RET_LOG)), 0);
    assert_int_equal(REFUSED(BPF_STMT(BPF_RET, SECCOMP_RET_ERRNO | 1)), 0);
    const uint32_t ends[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP | 3,
                             SECCOMP_RET_TRACE | 7, SECCOMP_RET_USER_NOTIF};
    for (size_t i = 0; i < COUNT(ends); i++) {
        const struct sock_filter end = BPF_STMT(BPF_RET, ends[i]);
        assert_int_equal(REFUSED(end), CAIRN_CALLS_START * 2 - 1);
        assert_int_equal(REFUSED(UNLESS_CALL(SYS_gettid), end, allow), CAIRN_CALLS_TID);
        assert_int_equal(REFUSED(UNLESS_CALL(SYS_connect), end, allow), CAIRN_CALLS_CONNECT);
        assert_int_equal(REFUSED(UNLESS_CALL(SYS_prctl), end, allow), CAIRN_CALLS_NAME | CAIRN_CALLS_COUNTER);
        assert_int_equal(REFUSED(UNLESS_CALL(SYS_execve), end, allow), 0);
        assert_int_equal(REFUSED(FIELD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 2),
                                 FIELD(args[0]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_GET_TSC, 1, 0), allow,
                                 end),
                         CAIRN_CALLS_COUNTER);
        /* The upper half of an argument. */
        assert_int_equal(REFUSED(FIELD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 2),
                                 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 4),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ~0u, 1, 0), allow, end),
                         CAIRN_CALLS_PROBE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads),           cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_jumps),           cmocka_unit_test(test_what_is_no_filter),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
