/* Reading the rings, record by record, against wire/record.h. */
#include "ring_dump.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void dump_fault(struct dump *dump, const struct dump_process *process, const char *format, ...)
{
    if (dump->faults++ < 20) {
        va_list arguments;
        va_start(arguments, format);
        fprintf(stderr, "ring_dump: process %u: ", process ? process->number : 0);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
    }
}

struct dump_process *dump_process_new(struct dump *dump, const struct cairn_session_request *request)
{
    struct dump_process *process = calloc(1, sizeof *process);
    process->number = ++dump->process_count;
    process->parent = request->process;
    process->pid = request->pid;
    process->reason = request->reason;
    process->fork_serial = request->fork_serial;
    process->next = dump->processes;
    dump->processes = process;
    return process;
}

struct dump_process *dump_process_find(struct dump *dump, uint32_t number)
{
    struct dump_process *process = dump->processes;
    while (process && process->number != number) {
        process = process->next;
    }
    return process;
}

static void keep(struct dump_process *process, const struct dump_event *event)
{
    struct dump_events *events = &process->events;
    if (events->count == events->room) {
        events->room = events->room ? events->room * 2 : 1024;
        events->list = realloc(events->list, events->room * sizeof *events->list);
        if (!events->list) {
            abort();
        }
    }
    events->list[events->count++] = *event;
}

/* Words of the record at `words` (of which `room` may be read), 0 where it cannot be. */
static uint32_t record_words(const uint64_t *words, uint64_t room)
{
    static const uint8_t fixed[CAIRN_RECORD_KIND_COUNT] = {
        [CAIRN_RECORD_ALLOC] = 3,          [CAIRN_RECORD_FREE] = 2,
        [CAIRN_RECORD_REALLOC_END] = 3,    [CAIRN_RECORD_REALLOC_BEGIN] = 2,
        [CAIRN_RECORD_REALLOC_CANCEL] = 1, [CAIRN_RECORD_NODE] = 3,
        [CAIRN_RECORD_NODE_RESET] = 1,     [CAIRN_RECORD_MAP] = 4,
        [CAIRN_RECORD_UNMAP] = 3,          [CAIRN_RECORD_REMAP] = 5,
        [CAIRN_RECORD_BREAK] = 3,          [CAIRN_RECORD_THREAD_START] = 2,
        [CAIRN_RECORD_THREAD_END] = 1,     [CAIRN_RECORD_FORK] = 2,
        [CAIRN_RECORD_EXIT] = 2,           [CAIRN_RECORD_EXEC] = 1,
        [CAIRN_RECORD_EXEC_FAILED] = 1,    [CAIRN_RECORD_MODULE_GONE] = 2,
        [CAIRN_RECORD_PAUSE] = 2,          [CAIRN_RECORD_FORK_DONE] = 3,
        [CAIRN_RECORD_REALLOC_GONE] = 1,   [CAIRN_RECORD_REALLOC_ALONE] = 3,
        [CAIRN_RECORD_REALLOC] = 4,
    };
    const uint8_t kind = (uint8_t)(words[0] & 31);
    uint64_t count = kind < CAIRN_RECORD_KIND_COUNT ? fixed[kind] : 0;
    if ((kind == CAIRN_RECORD_TEXT || kind == CAIRN_RECORD_MODULE) && room >= 2) {
        count = (kind == CAIRN_RECORD_TEXT ? 4 : 6) + ((uint32_t)words[1] + 7u) / 8;
    }
    return count <= room && count <= CAIRN_RECORD_MAX_WORDS ? (uint32_t)count : 0;
}

static uint32_t node_of(const uint64_t *words)
{
    return (uint32_t)(words[1] >> 48) | (uint32_t)(words[2] >> 48) << 16;
}

static void take_heap(struct dump *dump, struct dump_process *process, struct dump_ring *ring,
                      const uint64_t *words)
{
    const uint8_t kind = (uint8_t)(words[0] & 31);
    struct dump_event event = {.stamp = words[0] >> 8,
                               .order = ring->order++,
                               .kind = kind,
                               .domain = (uint8_t)(words[0] >> 5 & 7),
                               .address = words[1] & CAIRN_WIRE_ADDRESS_MASK};
    switch (kind) {
    case CAIRN_RECORD_REALLOC:
        event.old_address = words[3] & CAIRN_WIRE_ADDRESS_MASK;
        break;
    case CAIRN_RECORD_REALLOC_BEGIN:
        if (ring->pending_count < DUMP_PENDING) {
            ring->pending[ring->pending_count] = event.address;
        }
        ring->pending_count++;
        return;
    case CAIRN_RECORD_REALLOC_END:
        if (ring->pending_count == 0) {
            dump_fault(dump, process, "REALLOC_END without a begin");
            return;
        }
        event.old_address = ring->pending[--ring->pending_count];
        break;
    default:
        break;
    }
    if (kind != CAIRN_RECORD_FREE) {
        event.size = words[2] & CAIRN_WIRE_ADDRESS_MASK;
        event.node = node_of(words);
        if (event.node > ring->nodes) {
            dump_fault(dump, process, "node %u of %u", event.node, ring->nodes);
        }
    }
    keep(process, &event);
}

static bool is_text(const uint64_t *words, const char *text)
{
    return (uint32_t)words[1] == strlen(text) && memcmp(words + 4, text, strlen(text)) == 0;
}

static void take_text(const struct dump *dump, struct dump_process *process, const uint64_t *words)
{
    static const char *const names[] = {"module", "mark", "snapshot", "thread name", "note", "graph"};
    const uint32_t kind = (uint32_t)(words[1] >> 32);
    if (kind == CAIRN_TEXT_MARK && is_text(words, "ledger-begin")) {
        process->begin_stamp = words[0] >> 8;
    } else if (kind == CAIRN_TEXT_MARK && is_text(words, "ledger-end")) {
        process->end_stamp = words[0] >> 8;
    }
    if (!dump->quiet && kind < sizeof names / sizeof names[0]) {
        printf("process %u %s: %.*s\n", process->number, names[kind], (int)(uint32_t)words[1],
               (const char *)(words + 4));
    }
}

static void take_record(struct dump *dump, struct dump_process *process, struct dump_ring *ring,
                        const uint64_t *words)
{
    const uint8_t kind = (uint8_t)(words[0] & 31);
    const uint64_t stamp = words[0] >> 8;
    process->kinds[kind]++;
    if (stamp < ring->last_stamp) {
        dump_fault(dump, process, "a stamp goes back by %" PRIu64 " (kind %u)", ring->last_stamp - stamp,
                   kind);
    }
    ring->last_stamp = stamp;
    if (kind == CAIRN_RECORD_THREAD_START) {
        ring->started = true;
        ring->nodes = 0;
        ring->pending_count = 0;
        return;
    }
    if (!ring->started) {
        dump_fault(dump, process, "kind %u before THREAD_START", kind);
    }
    switch (kind) {
    case CAIRN_RECORD_ALLOC:
    case CAIRN_RECORD_FREE:
    case CAIRN_RECORD_REALLOC:
    case CAIRN_RECORD_REALLOC_END:
    case CAIRN_RECORD_REALLOC_BEGIN:
        take_heap(dump, process, ring, words);
        break;
    case CAIRN_RECORD_REALLOC_CANCEL:
        if (ring->pending_count == 0) {
            dump_fault(dump, process, "REALLOC_CANCEL without a begin");
        } else {
            ring->pending_count--;
        }
        break;
    case CAIRN_RECORD_NODE:
        if ((uint32_t)words[1] > ring->nodes) {
            dump_fault(dump, process, "a node below %u of %u", (uint32_t)words[1], ring->nodes);
        }
        ring->nodes++;
        break;
    case CAIRN_RECORD_NODE_RESET:
        ring->nodes = 0;
        break;
    case CAIRN_RECORD_TEXT:
        take_text(dump, process, words);
        break;
    default:
        break;
    }
}

static void drain_ring(struct dump *dump, struct dump_segment *segment, uint32_t index)
{
    struct cairn_ring_control *control = &segment->header->rings[index];
    struct dump_ring *ring = &segment->rings[index];
    const uint64_t *words =
        (const uint64_t *)(const void *)((const uint8_t *)segment->header + CAIRN_SEGMENT_HEADER_BYTES +
                                         (uint64_t)index * CAIRN_RING_BYTES);
    const uint64_t head = atomic_load_explicit(&control->head, memory_order_acquire);
    if (dump->discard) {
        ring->tail = head;
    }
    if (head - ring->tail > CAIRN_RING_BYTES) {
        dump_fault(dump, segment->process, "a cursor outside its ring");
        ring->tail = head;
    }
    while (ring->tail != head) {
        const uint64_t position = ring->tail & (CAIRN_RING_BYTES - 1);
        const uint64_t *record = words + position / 8;
        uint64_t room = (CAIRN_RING_BYTES - position) / 8;
        room = room < (head - ring->tail) / 8 ? room : (head - ring->tail) / 8;
        if ((uint8_t)record[0] == CAIRN_RECORD_PAD) {
            segment->process->kinds[CAIRN_RECORD_PAD]++;
            ring->tail += CAIRN_RING_BYTES - position;
            continue;
        }
        const uint32_t count = record_words(record, room);
        if (count == 0) {
            dump_fault(dump, segment->process, "a record that cannot be read: %016" PRIx64, record[0]);
            ring->tail = head;
            break;
        }
        take_record(dump, segment->process, ring, record);
        ring->tail += (uint64_t)count * 8;
    }
    atomic_store_explicit(&control->tail, ring->tail, memory_order_release);
}

void dump_drain(struct dump *dump)
{
    for (struct dump_segment *segment = dump->segments; segment; segment = segment->next) {
        atomic_store_explicit(&segment->header->consumed_ns, dump_now_ns(), memory_order_relaxed);
        for (uint32_t i = 0; i < CAIRN_RINGS_PER_SEGMENT; i++) {
            drain_ring(dump, segment, i);
            uint32_t ended = CAIRN_RING_ENDED;
            atomic_compare_exchange_strong(&segment->header->rings[i].state, &ended, CAIRN_RING_FREE);
        }
    }
}

void dump_release(struct dump *dump)
{
    while (dump->segments) {
        struct dump_segment *segment = dump->segments;
        dump->segments = segment->next;
        munmap(segment->header, CAIRN_SEGMENT_BYTES);
        free(segment);
    }
    while (dump->processes) {
        struct dump_process *process = dump->processes;
        dump->processes = process->next;
        free(process->events.list);
        free(process);
    }
}
