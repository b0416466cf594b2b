/* Under a limit of 64 KiB: the work and the threads it starts have room for more, and the limit is what it was. */
#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/own_stack.h"

#define LIMIT_BYTES ((rlim_t)64 << 10)
#define MUCH_BYTES  ((size_t)1 << 20)

static void *use_much(void *unused)
{
    volatile char *room = alloca(MUCH_BYTES);
    for (size_t i = 0; i < MUCH_BYTES; i += 1024) {
        room[MUCH_BYTES - 1 - i] = 1; /* downwards, as a stack grows */
    }
    return unused;
}

static int work(int argc, char **argv)
{
    pthread_t thread;
    use_much(argv);
    if (pthread_create(&thread, NULL, use_much, argv) != 0) {
        return -1;
    }
    pthread_join(thread, NULL);
    return argc + (argv[0][0] == 'a');
}

static void test_small_limit(void **state)
{
    (void)state;
    char word[] = "a", *words[] = {word, NULL};
    struct rlimit former, limit;
    getrlimit(RLIMIT_STACK, &former);
    limit = (struct rlimit){.rlim_cur = LIMIT_BYTES, .rlim_max = former.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_STACK, &limit), 0);
    const int result = cairn_own_stack_run(work, 41, words);
    getrlimit(RLIMIT_STACK, &limit);
    setrlimit(RLIMIT_STACK, &former);
    assert_int_equal(result, 42);
    assert_int_equal(limit.rlim_cur, LIMIT_BYTES);
}

int main(void)
{
    /* glibc took its size of threads' stacks from the limit this process was started with, which here is a usual one. */
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, LIMIT_BYTES);
    pthread_setattr_default_np(&small);
    pthread_attr_destroy(&small);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_small_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
