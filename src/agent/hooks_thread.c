/* What threads tell of themselves, and ask of the C library. */
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "agent/clock.h"
#include "agent/event.h"
#include "agent/hooks_seccomp.h"
#include "agent/machine.h"
#include "agent/real.h"
#include "agent/thread.h"

CAIRN_HOOK int pthread_setname_np(pthread_t thread, const char *name)
{
    cairn_real_resolve();
    const int status = cairn_real.pthread_setname_np(thread, name);
    if (status == 0) {
        cairn_thread_tell_name(thread, name, CAIRN_FRAME());
    }
    return status;
}

/* It allocates while it holds the thread's own lock, which we need for the first stack of a thread (where its stack ends). */
CAIRN_HOOK int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
    cairn_real_resolve();
    cairn_thread_hold_stacks(true);
    const int status = cairn_real.pthread_getattr_np(thread, attributes);
    cairn_thread_hold_stacks(false);
    return status;
}

CAIRN_HOOK int prctl(int option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    const unsigned long a = va_arg(arguments, unsigned long), b = va_arg(arguments, unsigned long),
                        c = va_arg(arguments, unsigned long), d = va_arg(arguments, unsigned long);
    va_end(arguments);
    cairn_real_resolve();
    const bool forbids_calls = option == PR_SET_SECCOMP && a == SECCOMP_MODE_STRICT,
               forbids_counter = option == PR_SET_TSC && a == PR_TSC_SIGSEGV;
    if (forbids_calls) {
        cairn_seccomp_be_strict();
    }
    if (forbids_counter) {
        cairn_thread_stop_clock();
        cairn_clock_ask_kernel(); /* the C library's clock reads the counter, too */
    }
    const bool filters = option == PR_SET_SECCOMP && a == SECCOMP_MODE_FILTER;
    if (filters) {
        cairn_seccomp_before(false);
    }
    const int status = cairn_real.prctl(option, a, b, c, d);
    if (filters) {
        cairn_seccomp_after(false, status == 0, (const void *)b, CAIRN_FRAME());
    }
    if (option == PR_SET_NAME && status == 0) {
        cairn_thread_tell_name(pthread_self(), (const char *)a, CAIRN_FRAME());
    }
    return status;
}
