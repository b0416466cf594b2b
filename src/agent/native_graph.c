#include "agent/native_graph.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "agent/event.h"
#include "agent/graph_moment.h"
#include "agent/image.h"
#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/python/interpreter.h"
#include "agent/session.h"

static void add_thread(struct cairn_session_image *image, uint64_t handle, int32_t tid)
{
    if (image->thread_count < CAIRN_SESSION_IMAGE_THREADS) {
        image->handle[image->thread_count] = handle;
        image->thread[image->thread_count] = tid;
    }
    image->thread_count++;
}

/* The threads that have a ring, the asking one first. */
static void add_threads(struct cairn_session_image *image)
{
    const struct cairn_process *process = cairn_process_here();
    const uint32_t segments = atomic_load_explicit(&process->segment_count, memory_order_acquire);
    add_thread(image, (uint64_t)pthread_self(), image->tid);
    for (uint32_t i = 0; i < segments * CAIRN_RINGS_PER_SEGMENT; i++) {
        const struct cairn_thread *thread =
            &process->segments[i / CAIRN_RINGS_PER_SEGMENT]->threads[i % CAIRN_RINGS_PER_SEGMENT];
        if (atomic_load_explicit(&cairn_process_ring(process, i)->state, memory_order_acquire) ==
                CAIRN_RING_OWNED &&
            thread->tid != image->tid) {
            add_thread(image, (uint64_t)thread->handle, thread->tid);
        }
    }
}

/* The collector may read this image, even where only ancestors may: its parent may be gone by then. */
static void admit_collector(int fd)
{
    struct ucred collector = {.pid = 0};
    uint32_t size = sizeof collector;
    if (!cairn_syscall_failed(
            cairn_syscall6(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&collector, (long)&size, 0)) &&
        collector.pid > 0) {
        cairn_syscall3(SYS_prctl, PR_SET_PTRACER, collector.pid, 0);
    }
}

/* Until the collector has seen enough. */
static void stand_still(const struct cairn_session_request *request, bool in_place)
{
    if (!in_place) {
        cairn_memory_give_up();
    }
    const int fd = cairn_session_stream(request);
    if (fd < 0) {
        return;
    }
    if (!in_place) {
        admit_collector(fd);
    }
    const char ready = 1;
    long got = cairn_session_send(fd, &ready, sizeof ready) ? -EINTR : 0;
    while (got == -EINTR) {
        char word[8];
        got = cairn_syscall6(SYS_recvfrom, fd, (long)word, sizeof word, 0, 0, 0);
    }
    cairn_syscall3(SYS_close, fd, 0, 0);
}

struct native_teller {
    struct cairn_graph_teller teller;
    uintptr_t stack; /* of the thread that asks */
    struct cairn_session_request request;
};

static void prepare(struct cairn_graph_teller *teller, uint32_t serial)
{
    struct native_teller *own = (struct native_teller *)teller;
    struct cairn_session_image image = {.stack = own->stack,
                                        .tid = (int32_t)cairn_syscall3(SYS_gettid, 0, 0, 0)};
    add_threads(&image);
    own->request = (struct cairn_session_request){.magic = CAIRN_SESSION_MAGIC,
                                                  .version = CAIRN_WIRE_VERSION,
                                                  .verb = CAIRN_SESSION_GRAPH_IMAGE,
                                                  .process = cairn_process_here()->number,
                                                  .fork_serial = serial};
    memcpy(own->request.name, &image, sizeof image);
}

static void tell(const struct cairn_graph_teller *teller, bool in_place)
{
    stand_still(&((const struct native_teller *)teller)->request, in_place);
}

/* The registers that a call keeps go into this frame, right below its frame pointer; where they lie is where the look at
 * this thread's stack begins. */
static __attribute__((noinline)) void take_here(const char *name, uint32_t asked, bool at_end, uintptr_t sp)
{
    __builtin_unwind_init();
    struct native_teller teller = {.teller = {.prepare = prepare, .tell = tell, .at_end = at_end},
                                   .stack = (uintptr_t)__builtin_frame_address(0) -
                                            (CAIRN_SESSION_IMAGE_REGISTERS - 1) * sizeof(uintptr_t)};
    cairn_graph_moment(name, asked, sp, &teller.teller);
}

static bool wanted(uint32_t option)
{
    return cairn_graph_wanted(option) &&
           atomic_load_explicit(&cairn_python.state, memory_order_acquire) != CAIRN_PYTHON_READY;
}

/* Objects of native code are live blocks, and the collector knows few of them. */
static bool is_sampled(void)
{
    return cairn_process_header()->sample_bytes != 0;
}

bool cairn_native_graph(const char *name, uint32_t asked, uintptr_t sp)
{
    if (!wanted(CAIRN_OPTION_GRAPHS) || is_sampled()) {
        return false;
    }
    take_here(name, asked, false, sp);
    return true;
}

void cairn_native_exit_graph(uintptr_t sp)
{
    if (!wanted(CAIRN_OPTION_EXIT_GRAPH) || !cairn_graph_take_end()) {
        return;
    }
    if (!is_sampled()) {
        take_here("exit", 0, true, sp);
    } else if (cairn_process_header()->options & CAIRN_OPTION_ROOT) {
        cairn_event_text(CAIRN_TEXT_NOTE,
                         "there is no object graph of native memory: a sampled recording knows only some of "
                         "the live blocks",
                         0, sp);
    }
}
