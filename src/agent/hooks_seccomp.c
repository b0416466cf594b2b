/* syscall, the C library's way to any system call. Programs set seccomp filters by it: libseccomp does. */
#include "agent/hooks_seccomp.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/real.h"
#include "agent/seccomp_filter.h"
#include "agent/thread.h"

/* In the assembly below, too. */
_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157, "system calls have other numbers");
_Static_assert(offsetof(struct cairn_real, syscall) == 0, "syscall is not the first one");

static const char text_of_filter[] =
    "the program has set itself a seccomp filter that ends it for system calls the recorder makes: they are "
    "left out, so threads and processes that begin after it may be missing";

void cairn_seccomp_before(bool everywhere)
{
    if (cairn_self->gate == CAIRN_GATE_CLOSED) {
        cairn_thread_attach();
    }
    if (everywhere) {
        atomic_fetch_add_explicit(&cairn_seccomp_pending, 1, memory_order_seq_cst);
    }
}

void cairn_seccomp_after(bool everywhere, bool set, const void *filter, uintptr_t sp)
{
    const struct sock_fprog *program = filter;
    const uint32_t refused = set ? cairn_seccomp_refused_by(program->filter, program->len) : 0;
    const uint32_t before = atomic_fetch_or_explicit(&cairn_seccomp_refused, refused, memory_order_seq_cst);
    if (everywhere) {
        atomic_fetch_sub_explicit(&cairn_seccomp_pending, 1, memory_order_seq_cst);
    }
    if (refused & ~before) {
        const int saved = errno;
        cairn_event_text(CAIRN_TEXT_NOTE, text_of_filter, 0, sp);
        errno = saved;
    }
}

void cairn_seccomp_be_strict(void)
{
    cairn_thread_stop_clock();
    cairn_memory_ask_no_more();
}

static long call_real(long number, long a, long b, long c, long d, long e, long f)
{
    if (cairn_real.syscall) {
        return cairn_real.syscall(number, a, b, c, d, e, f);
    }
    /* While the real one is being looked up. */
    const long result = cairn_syscall6(number, a, b, c, d, e, f);
    if (cairn_syscall_failed(result)) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

__attribute__((used, force_align_arg_pointer)) static long syscall_else(long number, long a, long b, long c,
                                                                        long d, long e, long f)
{
    const uintptr_t sp = CAIRN_FRAME();
    cairn_real_resolve();
    const bool by_prctl = number == SYS_prctl && a == PR_SET_SECCOMP;
    if ((by_prctl && b == SECCOMP_MODE_STRICT) || (number == SYS_seccomp && a == SECCOMP_SET_MODE_STRICT)) {
        cairn_seccomp_be_strict();
    }
    if (!(by_prctl && b == SECCOMP_MODE_FILTER) && !(number == SYS_seccomp && a == SECCOMP_SET_MODE_FILTER)) {
        return call_real(number, a, b, c, d, e, f);
    }
    const bool everywhere = !by_prctl && ((unsigned long)b & SECCOMP_FILTER_FLAG_TSYNC);
    cairn_seccomp_before(everywhere);
    const long result = call_real(number, a, b, c, d, e, f);
    /* Beside 0 there is a descriptor, with that flag; else it is the thread that stood in the way. */
    const bool set = result == 0 || (result > 0 && number == SYS_seccomp &&
                                     ((unsigned long)b & SECCOMP_FILTER_FLAG_NEW_LISTENER));
    cairn_seccomp_after(everywhere, set, (const void *)c, sp);
    return result;
}

/* Leaves by a jump, with registers and stack as they came: some calls (clone, rt_sigreturn) depend on both. */
__attribute__((naked, visibility("default"))) long syscall(__attribute__((unused)) long number, ...)
{
    __asm__("cmp $317, %rdi\n\t"
            "je syscall_else\n\t"
            "cmp $157, %rdi\n\t"
            "je syscall_else\n\t"
            "mov cairn_real(%rip), %r11\n\t"
            "test %r11, %r11\n\t"
            "jz syscall_else\n\t"
            "jmp *%r11");
}
