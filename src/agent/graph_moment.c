#include "agent/graph_moment.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "agent/event.h"
#include "agent/image.h"
#include "agent/machine.h"
#include "agent/native_graph.h"
#include "agent/process.h"
#include "agent/python/graph.h"
#include "agent/python/interpreter.h"
#include "agent/session.h"
#include "agent/signals.h"

/* Of the many short processes of a recording (a shell's commands), these are worth a graph at their end. */
#define LONG_LIFE_NS 1000000000ull
#define MUCH_BYTES   (16ll << 20)

/* A collector that is busy may let the program wait for so long before it holds the threads. */
#define HOLD_SECONDS 2

bool cairn_graph_wanted(uint32_t option)
{
    const struct cairn_segment_header *header = cairn_process_header();
    return header && (header->options & option) && cairn_process_is_here();
}

static bool is_worth_one(const struct cairn_process *process)
{
    const struct cairn_segment_header *header = cairn_process_header();
    return (header->options & CAIRN_OPTION_ROOT) ||
           cairn_clock_monotonic_ns() - process->begun_ns >= LONG_LIFE_NS ||
           atomic_load_explicit(&header->traced_bytes, memory_order_relaxed) >= MUCH_BYTES;
}

bool cairn_graph_take_end(void)
{
    struct cairn_process *process = cairn_process_here();
    return cairn_graph_wanted(CAIRN_OPTION_EXIT_GRAPH) && is_worth_one(process) &&
           !atomic_exchange_explicit(&process->ended, true, memory_order_relaxed);
}

void cairn_graph_at_end(uintptr_t sp)
{
    if (!cairn_python_end_graph()) {
        cairn_native_exit_graph(sp);
    }
}

/* By the number of folders in the kernel's list; where that cannot be read there may be some. */
static bool has_other_threads(void)
{
    static const char path[] = "/proc/self/task";
    struct statx status = {.stx_nlink = 0};
    const long result = cairn_syscall6(SYS_statx, AT_FDCWD, (long)path, 0, STATX_NLINK, (long)&status, 0);
    return cairn_syscall_failed(result) || status.stx_nlink > 3;
}

/* Asks the collector to hold the other threads, and waits until it does or cannot. −1: none is held. They are let go when
 * the descriptor is closed by release_threads(). */
static int hold_threads(uint32_t serial, bool at_end)
{
    const struct cairn_session_request request = {.magic = CAIRN_SESSION_MAGIC,
                                                  .version = CAIRN_WIRE_VERSION,
                                                  .verb = CAIRN_SESSION_GRAPH_HOLD,
                                                  .process = cairn_process_here()->number,
                                                  .tid = (int32_t)cairn_syscall3(SYS_gettid, 0, 0, 0),
                                                  .reason = at_end,
                                                  .fork_serial = serial};
    if (!has_other_threads()) {
        return -1;
    }
    const int fd = cairn_session_stream(&request);
    if (fd < 0) {
        return -1;
    }
    struct cairn_session_answer answer;
    struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    cairn_session_receive(fd, &message, HOLD_SECONDS);
    return fd;
}

/* A thread that forked at a bad moment may have left the descriptor open in its child: the end is said in words. */
static void release_threads(int fd)
{
    const char go_on = 1;
    if (fd >= 0) {
        cairn_session_send(fd, &go_on, sizeof go_on);
        cairn_syscall3(SYS_close, fd, 0, 0);
    }
}

/* False where there is none to be had and the program may not be looked at in place. */
static bool tell(const struct cairn_graph_teller *teller, uintptr_t sp)
{
    const bool room = !atomic_load_explicit(&cairn_process_header()->no_image, memory_order_relaxed);
    const long child = room ? cairn_image_clone() : -ENOMEM;
    if (child == 0) {
        teller->tell(teller, false);
        cairn_image_end();
    }
    if (child < 0) {
        cairn_event_text(CAIRN_TEXT_NOTE,
                         teller->image_only
                             ? "an object graph was left out: there was no memory for a still image"
                             : "object graph: there was no memory for a still image, so the program "
                               "stood still while it was looked at",
                         0, sp);
    }
    if (child < 0 && !teller->image_only) {
        teller->tell(teller, true);
    }
    return child > 0 || !teller->image_only;
}

/* Whether the kernel might end the program for what a graph takes (clone, socket, …): its seccomp filter does not know us. To
 * ask the kernel is such a system call, too, so the collector is asked. Where it does not answer, better none. */
static bool is_locked_in(void)
{
    struct cairn_segment_header *header = cairn_process_header();
    const uint32_t number = atomic_fetch_add_explicit(&header->filter_asked, 1, memory_order_relaxed) + 1;
    const uint64_t began_ns = cairn_clock_monotonic_ns();
    for (;;) {
        const uint32_t answer = atomic_load_explicit(&header->filter_answer, memory_order_relaxed);
        if (answer / 2 >= number) {
            return answer & 1;
        }
        if (cairn_ring_collector_is_gone(header) ||
            cairn_clock_monotonic_ns() - began_ns > HOLD_SECONDS * 1000000000ull) {
            return true;
        }
        cairn_ring_sleep(header);
    }
}

/* A limit that a program locks itself in with: an image has no descriptor of its parent's, and needs one. */
static bool may_open_nothing(void)
{
    struct rlimit limit;
    return !cairn_syscall_failed(cairn_syscall4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit)) &&
           limit.rlim_cur == 0;
}

/* Why no graph can be taken, or NULL. */
static const char *hindrance(void)
{
    if (is_locked_in()) {
        return "an object graph was left out: the program has locked itself in (seccomp), and the system "
               "calls "
               "that it takes might end it";
    }
    if (may_open_nothing()) {
        return "an object graph was left out: the program may have no more files open (ulimit -n), and "
               "cannot reach the recorder any more";
    }
    if (!cairn_session_is_reachable()) {
        return "an object graph was left out: the program has changed its root folder or its user, and "
               "cannot "
               "reach the recorder any more";
    }
    return NULL;
}

static void leave_out(const char *why, const char *name, uint32_t asked, uint32_t serial, uintptr_t sp)
{
    cairn_event_text(CAIRN_TEXT_NOTE, why, 0, sp);
    if (asked) {
        cairn_event_text(CAIRN_TEXT_GRAPH, name, serial | (uint64_t)asked << 32, sp);
        cairn_event_text(CAIRN_TEXT_GRAPH_DONE, NULL, serial | CAIRN_GRAPH_WITHOUT_IMAGE, sp);
    }
}

void cairn_graph_moment(const char *name, uint32_t asked, uintptr_t sp, struct cairn_graph_teller *teller)
{
    const uint32_t serial = cairn_image_serial();
    const char *why_not = hindrance();
    if (why_not) {
        leave_out(why_not, name, asked, serial, sp);
        return;
    }
    const uint64_t start = cairn_clock_monotonic_ns();
    const int held = hold_threads(serial, teller->at_end);
    teller->prepare(teller, serial);
    cairn_event_text(CAIRN_TEXT_GRAPH, name, serial | (uint64_t)asked << 32, sp);
    /* No handler of the program's runs in its image. */
    const struct cairn_signals former = cairn_signals_block();
    const bool told = tell(teller, sp);
    cairn_signals_restore(former);
    release_threads(held);
    const uint64_t pause_us = (cairn_clock_monotonic_ns() - start) / 1000;
    cairn_event_text(CAIRN_TEXT_GRAPH_DONE, NULL,
                     serial | (told ? 0 : CAIRN_GRAPH_WITHOUT_IMAGE) | pause_us << 32, sp);
}

/* Whether this is the first thread to see the request with that number. */
static bool take_request(struct cairn_process *process, uint64_t number)
{
    uint64_t answered = atomic_load_explicit(&process->answered, memory_order_relaxed);
    return answered < number &&
           atomic_compare_exchange_strong_explicit(&process->answered, &answered, number,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* Clears the question in every ring's way; the acquire pairs with the collector's release: the number is there too. */
static void clear_request(const struct cairn_process *process)
{
    const uint32_t segments = atomic_load_explicit(&process->segment_count, memory_order_acquire);
    for (uint32_t i = 0; i < segments; i++) {
        atomic_fetch_and_explicit(&process->segments[i]->header->control, ~(uint32_t)CAIRN_CONTROL_GRAPH,
                                  memory_order_acquire);
    }
}

/* Within a realloc it is not known whose the block is. */
static bool is_second_half(const struct cairn_draft *draft)
{
    return draft->kind == CAIRN_RECORD_REALLOC || draft->kind == CAIRN_RECORD_REALLOC_END ||
           draft->kind == CAIRN_RECORD_REALLOC_CANCEL || draft->kind == CAIRN_RECORD_REALLOC_GONE ||
           draft->kind == CAIRN_RECORD_REALLOC_ALONE;
}

void cairn_graph_answer(const struct cairn_draft *draft, uintptr_t sp)
{
    struct cairn_process *process = cairn_process_here();
    if (is_second_half(draft)) {
        return;
    }
    clear_request(process);
    if (cairn_python_is_coming()) {
        return; /* it is asked again */
    }
    const uint32_t number =
        (uint32_t)atomic_load_explicit(&cairn_process_header()->request, memory_order_relaxed);
    const bool first = take_request(process, number);
    const bool allocates = draft->kind == CAIRN_RECORD_ALLOC && draft->domain != CAIRN_DOMAIN_MALLOC;
    if (!cairn_python_graph_asked(number, first, allocates) && first) {
        cairn_native_graph("", number, sp);
    }
}
