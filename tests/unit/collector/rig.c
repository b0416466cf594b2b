#include "rig.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/table.h"

static void *grown(void *array, size_t *capacity, size_t count, size_t size)
{
    void *made = cairn_grown(array, capacity, count, size);
    if (!made) {
        abort();
    }
    return made;
}

#define ADD(rig, list, value)                                                                                \
    do {                                                                                                     \
        (rig)->list##s =                                                                                     \
            grown((rig)->list##s, &(rig)->list##_capacity, (rig)->list##_count, sizeof *(rig)->list##s);     \
        (rig)->list##s[(rig)->list##_count++] = (value);                                                     \
    } while (0)

static void take_rows(struct rig *rig, const struct cairn_batch *batch)
{
    for (const struct cairn_batch_entry *entry = batch->first; entry; entry = entry->next) {
        if (entry->kind == CAIRN_BATCH_STACK) {
            ADD(rig, stack, entry->of.stack);
        } else if (entry->kind == CAIRN_BATCH_FRAME) {
            ADD(rig, frame, entry->of.frame);
        } else if (entry->kind == CAIRN_BATCH_MODULE) {
            struct cairn_module module = entry->of.module;
            module.path = strdup(module.path);
            module.build_id = module.build_id ? strdup(module.build_id) : NULL;
            ADD(rig, module, module);
        } else if (entry->kind == CAIRN_BATCH_NOTE) {
            rig->notes++;
        } else if (entry->kind == CAIRN_BATCH_THREAD) {
            rig->threads++;
        }
    }
}

static void *take_messages(void *state)
{
    struct rig *rig = state;
    struct cairn_pipeline *pipeline = &rig->recorder->pipeline;
    uint32_t done = 0;
    for (bool ended = false; !ended;) {
        struct cairn_message *message = cairn_queue_pop(&pipeline->messages);
        if (message->kind == CAIRN_MESSAGE_EVENTS) {
            for (; done < message->of.events.count; done++) {
                ADD(rig, event, message->of.events.buffer->events[done]);
            }
            if (message->of.events.sealed) {
                cairn_queue_push(&pipeline->buffers, message->of.events.buffer);
                done = 0;
            }
        } else if (message->kind == CAIRN_MESSAGE_ACCOUNTS) {
            for (size_t i = 0; i < message->of.accounts.count; i++) {
                ADD(rig, account, message->of.accounts.list[i]);
            }
        } else if (message->kind == CAIRN_MESSAGE_ROWS) {
            take_rows(rig, message->of.rows);
        } else if (message->kind == CAIRN_MESSAGE_SNAPSHOT) {
            struct rig_snapshot snapshot = {.position = rig->event_count};
            memcpy(snapshot.name, message->of.snapshot.name, sizeof snapshot.name - 1);
            ADD(rig, snapshot, snapshot);
        } else if (message->kind == CAIRN_MESSAGE_FINISH) {
            ended = true;
        }
        cairn_message_free(message);
    }
    return NULL;
}

void rig_start(struct rig *rig)
{
    *rig = (struct rig){.options = CAIRN_RECORD_OPTIONS_DEFAULT};
    struct cairn_recorder *recorder = calloc(1, sizeof *recorder);
    rig->recorder = recorder;
    recorder->options = &rig->options;
    recorder->session.listener = -1;
    recorder->epoll = epoll_create1(EPOLL_CLOEXEC);
    cairn_clock_init(&recorder->clock);
    cairn_clock_calibrate(&recorder->clock);
    atomic_store(&recorder->next_frame, 1);
    recorder->places = cairn_places_new(&recorder->next_frame);
    assert_true(cairn_pipeline_init(&recorder->pipeline));
    recorder->ledger = cairn_ledger_new(&recorder->pipeline, recorder->places);
    assert_int_equal(cairn_robust_words_init(&recorder->words, NULL), CAIRN_OK);
    assert_int_equal(pthread_create(&rig->thread, NULL, take_messages, rig), 0);
}

void rig_drain_for(struct rig *rig, int64_t time_ns)
{
    const int64_t until = cairn_clock_elapsed_ns(&rig->recorder->clock) + time_ns;
    while (cairn_clock_elapsed_ns(&rig->recorder->clock) < until) {
        cairn_recorder_drain(rig->recorder);
        usleep(500);
    }
}

void rig_drain_until(struct rig *rig, uint64_t position)
{
    for (int i = 0; i < 5000 && cairn_ledger_position(rig->recorder->ledger) < position; i++) {
        rig_drain_for(rig, 1000000);
    }
    assert_int_equal(cairn_ledger_position(rig->recorder->ledger), position);
}

void rig_finish(struct rig *rig)
{
    struct cairn_recorder *recorder = rig->recorder;
    for (size_t i = 0; i < recorder->target_count; i++) {
        cairn_recorder_target_left(recorder, recorder->targets[i]);
    }
    do {
        cairn_recorder_drain(recorder);
    } while (cairn_recorder_drain(recorder) > 0);
    cairn_recorder_send(recorder);
    cairn_ledger_send(recorder->ledger, false);
    cairn_ledger_post(recorder->ledger, cairn_message_new(CAIRN_MESSAGE_FINISH, 0));
    pthread_join(rig->thread, NULL);
}

void rig_release(struct rig *rig)
{
    struct cairn_recorder *recorder = rig->recorder;
    cairn_recorder_free_targets(recorder);
    cairn_ledger_free(recorder->ledger);
    cairn_robust_words_release(&recorder->words);
    cairn_batch_free(recorder->rows);
    cairn_places_free(recorder->places);
    cairn_pipeline_release(&recorder->pipeline);
    close(recorder->epoll);
    free(recorder);
    for (size_t i = 0; i < rig->module_count; i++) {
        free((char *)(uintptr_t)rig->modules[i].path);
        free((char *)(uintptr_t)rig->modules[i].build_id);
    }
    free(rig->events);
    free(rig->accounts);
    free(rig->stacks);
    free(rig->frames);
    free(rig->modules);
    free(rig->snapshots);
}

static int receive_descriptor(int fd, struct cairn_session_answer *answer)
{
    struct iovec part = {.iov_base = answer, .iov_len = sizeof *answer};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    assert_int_equal(recvmsg(fd, &message, 0), sizeof *answer);
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    int passed = -1;
    if (rights) {
        memcpy(&passed, CMSG_DATA(rights), sizeof passed);
    }
    return passed;
}

void rig_hello(struct rig *rig, struct rig_process *process, const struct rig_process *parent,
               uint64_t serial)
{
    if (process->pid == 0) {
        process->pid = fork();
        if (process->pid == 0) {
            pause();
            _exit(0);
        }
    }
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    struct cairn_session_call call = {.fd = ends[0],
                                      .pid = process->pid,
                                      .request = {.magic = CAIRN_SESSION_MAGIC,
                                                  .version = CAIRN_WIRE_VERSION,
                                                  .verb = CAIRN_SESSION_HELLO,
                                                  .process = parent ? parent->number : 0,
                                                  .reason = parent ? CAIRN_HELLO_FORK : CAIRN_HELLO_START,
                                                  .fork_serial = serial}};
    cairn_recorder_hello(rig->recorder, &call);
    struct cairn_session_answer answer = {.status = -1};
    const int fd = receive_descriptor(ends[1], &answer);
    close(ends[1]);
    assert_int_equal(answer.status, 0);
    assert_true(fd >= 0);
    process->number = answer.process;
    process->header = mmap(NULL, CAIRN_SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(process->header, MAP_FAILED);
    close(fd);
    assert_int_equal(process->header->magic, CAIRN_SEGMENT_MAGIC);
    assert_int_equal(process->header->process, answer.process);
}

void rig_end(struct rig *rig, struct rig_process *process)
{
    if (process->pid != getpid()) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
    }
    struct cairn_target *target = cairn_recorder_target_by_pid(rig->recorder, process->pid);
    if (target) {
        cairn_recorder_target_left(rig->recorder, target);
    }
    munmap(process->header, CAIRN_SEGMENT_BYTES);
}

static void take_ring(struct rig_writer *writer, const struct rig *rig, const struct rig_process *process,
                      int32_t tid, uint64_t flags)
{
    for (uint32_t i = 0; i < CAIRN_RINGS_PER_SEGMENT; i++) {
        struct cairn_ring_control *control = &process->header->rings[i];
        uint32_t expected = CAIRN_RING_FREE;
        if (!atomic_compare_exchange_strong(&control->state, &expected, CAIRN_RING_OWNED)) {
            continue;
        }
        atomic_fetch_add(&control->generation, 1);
        atomic_store(&control->tid, tid);
        *writer = (struct rig_writer){.header = process->header,
                                      .control = control,
                                      .words = (uint64_t *)(void *)((uint8_t *)process->header +
                                                                    CAIRN_SEGMENT_HEADER_BYTES +
                                                                    (uint64_t)i * CAIRN_RING_BYTES),
                                      .head = atomic_load(&control->head)};
        const uint64_t start[2] = {CAIRN_RECORD_THREAD_START, (uint64_t)tid | flags};
        rig_write(writer, rig, start, 2);
        return;
    }
    fail_msg("no free ring");
}

void rig_writer_open(struct rig_writer *writer, const struct rig *rig, const struct rig_process *process,
                     int32_t tid)
{
    take_ring(writer, rig, process, tid, 0);
}

void rig_writer_visit(struct rig_writer *writer, const struct rig *rig, const struct rig_process *process,
                      int32_t tid)
{
    take_ring(writer, rig, process, tid, CAIRN_THREAD_VISITS);
}

void rig_writer_close(struct rig_writer *writer, const struct rig *rig)
{
    const uint64_t end[1] = {CAIRN_RECORD_THREAD_END};
    rig_write(writer, rig, end, 1);
    atomic_store(&writer->control->state, CAIRN_RING_ENDED);
}

uint64_t rig_stamp(struct rig_writer *writer, const struct rig *rig)
{
    const uint64_t now = cairn_clock_stamp(&rig->recorder->clock);
    writer->last_stamp = now > writer->last_stamp ? now : writer->last_stamp;
    return writer->last_stamp;
}

static uint64_t *make_room(struct rig_writer *writer, uint32_t count)
{
    const uint64_t bytes = (uint64_t)count * 8;
    const uint64_t position = writer->head & (CAIRN_RING_BYTES - 1);
    const uint64_t pad = position + bytes > CAIRN_RING_BYTES ? CAIRN_RING_BYTES - position : 0;
    while (writer->head + pad + bytes - atomic_load(&writer->control->tail) > CAIRN_RING_BYTES) {
        sched_yield();
    }
    if (pad) {
        writer->words[position / 8] = CAIRN_RECORD_PAD;
        writer->head += pad;
    }
    return writer->words + (writer->head & (CAIRN_RING_BYTES - 1)) / 8;
}

static void put(struct rig_writer *writer, uint64_t stamp, const uint64_t *words, uint32_t count)
{
    uint64_t *room = make_room(writer, count);
    memcpy(room, words, (size_t)count * 8);
    room[0] = stamp << 8 | (words[0] & 0xff);
    writer->head += (uint64_t)count * 8;
    atomic_store_explicit(&writer->control->head, writer->head, memory_order_release);
}

void rig_write(struct rig_writer *writer, const struct rig *rig, const uint64_t *words, uint32_t count)
{
    make_room(writer, count); /* the wait is outside, so that nobody is held up by it */
    atomic_store_explicit(&writer->control->inside, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    put(writer, rig_stamp(writer, rig), words, count);
    atomic_store_explicit(&writer->control->inside, 0, memory_order_release);
}

void rig_write_stamped(struct rig_writer *writer, uint64_t stamp, const uint64_t *words, uint32_t count)
{
    writer->last_stamp = stamp;
    put(writer, stamp, words, count);
}

uint32_t rig_node(struct rig_writer *writer, const struct rig *rig, uint32_t parent, uint64_t value)
{
    (void)rig;
    const uint64_t words[3] = {CAIRN_RECORD_NODE, parent, value};
    put(writer, writer->last_stamp, words, 3);
    return ++writer->nodes;
}

void rig_alloc(struct rig_writer *writer, const struct rig *rig, uint32_t node, uint64_t address,
               uint64_t size)
{
    const uint64_t words[3] = {CAIRN_RECORD_ALLOC, address | (uint64_t)(node & 0xffff) << 48,
                               size | (uint64_t)(node >> 16) << 48};
    rig_write(writer, rig, words, 3);
}

void rig_free(struct rig_writer *writer, const struct rig *rig, uint64_t address)
{
    const uint64_t words[2] = {CAIRN_RECORD_FREE, address};
    rig_write(writer, rig, words, 2);
}
