/* From a checked record to the ledger. Numbers in it are still whatever the target wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/graphs.h"
#include "collector/loader.h"
#include "collector/recorder.h"

#define MAX_NAMED_SNAPSHOTS 10000u
#define MAX_PAUSE_NOTES     100u
#define MAX_EXIT_SNAPSHOTS  100u /* of children: a shell has thousands */
#define TEXT_HEAD_WORDS     4u
#define MODULE_HEAD_WORDS   6u

static struct cairn_ledger_time time_of(const struct cairn_recorder *recorder, const uint64_t *record)
{
    const uint64_t stamp = cairn_record_stamp(record);
    return (struct cairn_ledger_time){.stamp = stamp, .us = cairn_clock_to_us(&recorder->clock, stamp)};
}

static int64_t time_ns_of(const struct cairn_recorder *recorder, const uint64_t *record)
{
    return (int64_t)(time_of(recorder, record).us * CAIRN_EVENT_TIME_UNIT_NS);
}

/* --- Threads --- */

static void write_thread(struct cairn_recorder *recorder, const struct cairn_source *source, int64_t ended_ns)
{
    struct cairn_batch *rows = cairn_recorder_rows(recorder);
    if (rows) {
        cairn_batch_thread(rows, &(struct cairn_thread){.thread = source->thread.number,
                                                        .process = source->target->number,
                                                        .tid = source->tid,
                                                        .name = source->thread_name,
                                                        .started_ns = source->thread_started_ns,
                                                        .ended_ns = ended_ns});
    }
}

static void remember_ended(struct cairn_source *source)
{
    struct cairn_target *target = source->target;
    source->ended_thread = source->thread.number;
    if (source->visited) {
        return;
    }
    if (target->ended_capacity < CAIRN_ENDED_THREADS && target->ended_count == target->ended_capacity) {
        struct cairn_ended_thread *ended =
            cairn_grown(target->ended, &target->ended_capacity, target->ended_count, sizeof *ended);
        target->ended = ended ? ended : target->ended;
    }
    if (target->ended_capacity > 0) {
        target->ended[target->ended_count++ % target->ended_capacity] =
            (struct cairn_ended_thread){.number = source->thread.number, .tid = source->tid};
    }
}

void cairn_recorder_thread_end(struct cairn_recorder *recorder, struct cairn_source *source, int64_t t_ns)
{
    if (source->thread.number == 0) {
        return;
    }
    cairn_ledger_realloc_cancel(recorder->ledger, source->target->ledger, &source->thread);
    if (!source->visited) {
        write_thread(recorder, source, t_ns);
    }
    remember_ended(source);
    source->visited = false;
    free(source->thread_name);
    source->thread_name = NULL;
    source->thread = (struct cairn_ledger_thread){.number = 0};
}

/* Nodes keep their accounts, which are of the thread before. */
static void forget_accounts(struct cairn_source *source)
{
    for (size_t i = 0; i < source->nodes.count; i++) {
        source->nodes.list[i].account[0] = source->nodes.list[i].account[1] = 0;
    }
}

/* The C library frees after a thread's own destructors: that thread again, and no other. */
static void visit_thread(struct cairn_source *source, uint32_t number, int32_t tid)
{
    source->thread.number = number;
    source->tid = tid;
    source->visited = true;
    forget_accounts(source);
}

/* The number of the thread that ended with that tid, or 0. */
static uint32_t find_ended(const struct cairn_target *target, int32_t tid)
{
    for (size_t i = target->ended_count; i > 0 && target->ended_count - i < target->ended_capacity; i--) {
        const struct cairn_ended_thread *ended = &target->ended[(i - 1) % target->ended_capacity];
        if (ended->tid == tid) {
            return ended->number;
        }
    }
    return 0;
}

static void start_thread(struct cairn_recorder *recorder, struct cairn_source *source, int32_t tid,
                         const uint64_t *record)
{
    const int64_t t_ns = time_ns_of(recorder, record);
    source->thread.number = ++recorder->next_thread;
    source->tid = tid;
    source->thread_started_ns = t_ns;
    forget_accounts(source);
    write_thread(recorder, source, CAIRN_UNKNOWN);
    cairn_recorder_send(recorder); /* its row, before accounts that name it */
    cairn_ledger_first_thread(recorder->ledger, source->target->ledger, source->thread.number,
                              time_of(recorder, record).us);
}

/* A ring whose first record is not THREAD_START (damaged, or a thread we took over): the thread begins here. */
static void need_thread(struct cairn_recorder *recorder, struct cairn_source *source, const uint64_t *record)
{
    if (__builtin_expect(source->thread.number != 0, 1)) {
        return;
    }
    if (source->ended_thread) {
        visit_thread(source, source->ended_thread, source->tid);
    } else {
        start_thread(recorder, source,
                     atomic_load_explicit(&source->reader.control->tid, memory_order_relaxed), record);
    }
}

static void apply_thread_start(struct cairn_recorder *recorder, struct cairn_source *source,
                               const uint64_t *record)
{
    cairn_nodes_reset(&source->nodes);
    cairn_recorder_thread_end(recorder, source, time_ns_of(recorder, record));
    const int32_t tid = (int32_t)record[1];
    const uint32_t former = record[1] & CAIRN_THREAD_VISITS ? find_ended(source->target, tid) : 0;
    if (former) {
        visit_thread(source, former, tid);
    } else {
        start_thread(recorder, source, tid, record);
    }
}

/* --- Accounts --- */

uint32_t cairn_recorder_account(struct cairn_recorder *recorder, struct cairn_source *source, uint32_t node,
                                uint8_t domain)
{
    const struct cairn_target *target = source->target;
    if (node - 1 < source->nodes.count) {
        const uint32_t known = cairn_node_account(&source->nodes.list[node - 1], domain, target->code_epoch);
        if (known) {
            return known;
        }
    }
    const uint32_t stack = cairn_nodes_stack(&source->nodes, node, recorder->places, target->code,
                                             &target->python_codes, target->code_epoch);
    const uint32_t account =
        cairn_ledger_account(recorder->ledger, target->number, source->thread.number, domain, stack);
    if (node && node <= source->nodes.count) {
        source->nodes.list[node - 1].account[domain & 1] = account;
        source->nodes.list[node - 1].domain[domain & 1] = domain;
    }
    return account;
}

/* --- Texts --- */

static void take_text(char *text, size_t size, const uint64_t *words, uint64_t bytes)
{
    const size_t length = bytes < size - 1 ? (size_t)bytes : size - 1;
    memcpy(text, words, length);
    text[length] = '\0';
}

static void apply_mark(struct cairn_recorder *recorder, const struct cairn_source *source, const char *kind,
                       const char *name, int64_t t_ns)
{
    if (++recorder->named_snapshots == MAX_NAMED_SNAPSHOTS) {
        cairn_recorder_note(recorder, source->target->number, "marks after the %u-th were left out",
                            MAX_NAMED_SNAPSHOTS);
    }
    if (recorder->named_snapshots < MAX_NAMED_SNAPSHOTS) {
        cairn_recorder_snapshot(recorder, kind, name, source->target->number, t_ns);
    }
}

/* Once a process: an interpreter says so before it takes itself down, the C library when exit() has run its handlers. */
static void exit_moment(struct cairn_recorder *recorder, struct cairn_target *target, int64_t t_ns)
{
    if (!target->exit_seen && (target->is_root || recorder->exit_snapshots < MAX_EXIT_SNAPSHOTS)) {
        target->exit_seen = true;
        recorder->exit_snapshots++;
        cairn_recorder_snapshot(recorder, "exit", "exit", target->number, t_ns);
    }
}

void cairn_recorder_python_version(struct cairn_recorder *recorder, struct cairn_target *target,
                                   const char *version)
{
    char *own = strdup(version);
    if (own) {
        free(target->python_version);
        target->python_version = own;
        target->row.python = own;
        cairn_recorder_write_process(recorder, target);
    }
}

/* Without a serial there is no image: the moment alone is kept. */
static void apply_graph(struct cairn_recorder *recorder, struct cairn_target *target, uint64_t numbers,
                        const char *name, int64_t t_ns)
{
    if ((uint32_t)numbers != 0) {
        cairn_graphs_moment(recorder, target, numbers, name, t_ns);
    } else {
        cairn_recorder_snapshot(recorder, "graph", name[0] ? name : NULL, target->number, t_ns);
    }
}

static void apply_text(struct cairn_recorder *recorder, struct cairn_source *source, const uint64_t *record)
{
    char text[512];
    take_text(text, sizeof text, record + TEXT_HEAD_WORDS, (uint32_t)record[1]);
    const int64_t t_ns = time_ns_of(recorder, record);
    switch (record[1] >> 32) {
    case CAIRN_TEXT_MARK:
        apply_mark(recorder, source, "mark", text, t_ns);
        break;
    case CAIRN_TEXT_SNAPSHOT:
        apply_mark(recorder, source, "asked", text, t_ns);
        break;
    case CAIRN_TEXT_GRAPH:
        apply_graph(recorder, source->target, record[2], text, t_ns);
        break;
    case CAIRN_TEXT_GRAPH_DONE:
        cairn_graphs_pause(recorder, source->target, record[2]);
        break;
    case CAIRN_TEXT_EXIT:
        exit_moment(recorder, source->target, t_ns);
        break;
    case CAIRN_TEXT_THREAD_NAME:
        need_thread(recorder, source, record);
        if (!source->thread_name || strcmp(source->thread_name, text) != 0) {
            free(source->thread_name);
            source->thread_name = strdup(text);
            write_thread(recorder, source, CAIRN_UNKNOWN);
        }
        break;
    case CAIRN_TEXT_NOTE:
        recorder->own_malloc = recorder->own_malloc || record[2] == CAIRN_NOTE_OWN_MALLOC;
        cairn_recorder_note(recorder, source->target->number, "%s", text);
        break;
    case CAIRN_TEXT_UNRECORDED:
        cairn_recorder_unrecorded(recorder, source->target, record[2], text);
        break;
    case CAIRN_TEXT_PYTHON_CODE:
        cairn_python_codes_describe(&source->target->python_codes, record[2], record[3],
                                    (const char *)(record + TEXT_HEAD_WORDS), (uint32_t)record[1]);
        break;
    case CAIRN_TEXT_PYTHON_LINES:
        cairn_python_codes_lines(&source->target->python_codes, record[2], record[3],
                                 record + TEXT_HEAD_WORDS, (uint32_t)record[1]);
        break;
    case CAIRN_TEXT_PYTHON_VERSION:
        cairn_recorder_python_version(recorder, source->target, text);
        break;
    default:
        break;
    }
}

static void apply_module(struct cairn_recorder *recorder, struct cairn_target *target, const uint64_t *record)
{
    uint8_t bytes[CAIRN_RECORD_MAX_WORDS * 8];
    const size_t length = (uint32_t)record[1] < sizeof bytes - 1 ? (uint32_t)record[1] : sizeof bytes - 1;
    memcpy(bytes, record + MODULE_HEAD_WORDS, length);
    bytes[length] = '\0';
    const size_t id_bytes = record[5] <= length && record[5] <= 64 ? (size_t)record[5] : 0;
    char build_id[2 * 64 + 1] = "";
    for (size_t i = 0; i < id_bytes; i++) {
        snprintf(build_id + 2 * i, 3, "%02x", bytes[i]);
    }
    const char *path = (const char *)bytes + id_bytes;
    if (strcmp(path, target->file) == 0 && !cairn_is_loader(path)) {
        path = target->row.program;
    }
    const uint32_t module = cairn_places_module(recorder->places, path, id_bytes ? build_id : NULL);
    const struct cairn_code_range range = {
        .start = record[2], .end = record[3], .bias = record[4], .module = module};
    bool changed = false;
    if (module && cairn_code_map_add(&target->code, &range, &changed) && changed) {
        cairn_target_code_changed(target);
    }
}

static void apply_module_gone(struct cairn_target *target, uint64_t start)
{
    bool changed = false;
    if (cairn_code_map_remove(&target->code, start, &changed) && changed) {
        cairn_target_code_changed(target);
    }
}

/* --- Everything that is no block --- */

static void apply_pause(struct cairn_recorder *recorder, const struct cairn_target *target, bool pause)
{
    if (++recorder->pause_notes <= MAX_PAUSE_NOTES) {
        cairn_recorder_note(recorder, target->number,
                            pause ? "the program paused the recording: allocations from here on are missing"
                                  : "the program resumed the recording");
    }
}

static void apply_rare(struct cairn_recorder *recorder, struct cairn_source *source, const uint64_t *record)
{
    struct cairn_target *target = source->target;
    switch (cairn_record_kind(record)) {
    case CAIRN_RECORD_NODE_RESET:
        cairn_nodes_reset(&source->nodes);
        break;
    case CAIRN_RECORD_TEXT:
        apply_text(recorder, source, record);
        break;
    case CAIRN_RECORD_THREAD_START:
        apply_thread_start(recorder, source, record);
        break;
    case CAIRN_RECORD_THREAD_END:
        cairn_recorder_thread_end(recorder, source, time_ns_of(recorder, record));
        break;
    case CAIRN_RECORD_FORK:
        cairn_recorder_fork(recorder, target, record[1]);
        break;
    case CAIRN_RECORD_FORK_DONE:
        cairn_recorder_fork_done(target, record[1], (pid_t)record[2]);
        break;
    case CAIRN_RECORD_EXIT:
        target->row.exit_status = (int64_t)(record[1] & 0xff);
        exit_moment(recorder, target, time_ns_of(recorder, record));
        break;
    case CAIRN_RECORD_EXEC:
        target->exec_pending = true;
        break;
    case CAIRN_RECORD_EXEC_FAILED:
        target->exec_pending = false;
        break;
    case CAIRN_RECORD_MODULE:
        apply_module(recorder, target, record);
        break;
    case CAIRN_RECORD_MODULE_GONE:
        apply_module_gone(target, record[1]);
        break;
    case CAIRN_RECORD_PAUSE:
        apply_pause(recorder, target, record[1] != 0);
        break;
    default:
        break;
    }
}

static void apply_space(struct cairn_recorder *recorder, struct cairn_source *source, const uint64_t *record)
{
    struct cairn_ledger *ledger = recorder->ledger;
    struct cairn_ledger_process *process = source->target->ledger;
    const struct cairn_ledger_time when = time_of(recorder, record);
    need_thread(recorder, source, record);
    switch (cairn_record_kind(record)) {
    case CAIRN_RECORD_MAP:
        cairn_ledger_map(ledger, process, when,
                         cairn_recorder_account(recorder, source, cairn_record_node(record[1], record[2]),
                                                CAIRN_DOMAIN_MMAP),
                         record[1] & CAIRN_WIRE_ADDRESS_MASK, record[2] & CAIRN_WIRE_ADDRESS_MASK);
        break;
    case CAIRN_RECORD_UNMAP:
        cairn_ledger_unmap(ledger, process, when, record[1], record[2]);
        break;
    case CAIRN_RECORD_REMAP:
        cairn_ledger_remap(ledger, process, when,
                           cairn_recorder_account(recorder, source, cairn_record_node(record[3], record[4]),
                                                  CAIRN_DOMAIN_MMAP),
                           record[1], record[2], record[3] & CAIRN_WIRE_ADDRESS_MASK,
                           record[4] & CAIRN_WIRE_ADDRESS_MASK);
        break;
    case CAIRN_RECORD_BREAK:
        cairn_ledger_break(ledger, process, when,
                           cairn_recorder_account(recorder, source, (uint32_t)record[2], CAIRN_DOMAIN_BREAK),
                           record[1]);
        break;
    default:
        break;
    }
}

static void apply_new_block(struct cairn_recorder *recorder, struct cairn_source *source,
                            const uint64_t *record)
{
    need_thread(recorder, source, record);
    struct cairn_ledger *ledger = recorder->ledger;
    struct cairn_ledger_process *process = source->target->ledger;
    struct cairn_ledger_thread *thread = &source->thread;
    const struct cairn_ledger_time when = time_of(recorder, record);
    const uint8_t domain = cairn_record_domain(record);
    const uint64_t address = cairn_record_address(record), size = record[2] & CAIRN_WIRE_ADDRESS_MASK;
    const uint32_t account =
        cairn_recorder_account(recorder, source, cairn_record_node(record[1], record[2]), domain);
    switch (cairn_record_kind(record)) {
    case CAIRN_RECORD_REALLOC:
        cairn_ledger_realloc(ledger, process, thread, when, account, record[3] & CAIRN_WIRE_ADDRESS_MASK,
                             address, size, domain);
        break;
    case CAIRN_RECORD_REALLOC_END:
        cairn_ledger_realloc_end(ledger, process, thread, when, account, address, size, domain);
        break;
    case CAIRN_RECORD_REALLOC_ALONE:
        cairn_ledger_realloc_alone(ledger, process, thread, when, account, address, size, domain);
        break;
    default:
        cairn_ledger_alloc(ledger, process, thread, when, account, address, size, domain);
        break;
    }
}

void cairn_recorder_apply(struct cairn_recorder *recorder, struct cairn_source *source,
                          const uint64_t *record)
{
    struct cairn_ledger *ledger = recorder->ledger;
    struct cairn_ledger_process *process = source->target->ledger;
    switch (cairn_record_kind(record)) {
    case CAIRN_RECORD_ALLOC:
    case CAIRN_RECORD_REALLOC:
    case CAIRN_RECORD_REALLOC_END:
    case CAIRN_RECORD_REALLOC_ALONE:
        apply_new_block(recorder, source, record);
        break;
    case CAIRN_RECORD_FREE:
        need_thread(recorder, source, record);
        cairn_ledger_free_block(
            ledger, process, &source->thread, time_of(recorder, record), cairn_record_address(record),
            cairn_record_domain(record),
            (uint8_t)((record[1] & CAIRN_FREE_NESTED ? (unsigned)CAIRN_LEDGER_MAYBE : 0u) |
                      (record[1] & CAIRN_FREE_LATER ? (unsigned)CAIRN_LEDGER_LATER : 0u)));
        break;
    case CAIRN_RECORD_REALLOC_BEGIN:
        need_thread(recorder, source, record);
        cairn_ledger_realloc_begin(ledger, process, &source->thread, time_of(recorder, record),
                                   cairn_record_address(record), cairn_record_domain(record));
        break;
    case CAIRN_RECORD_REALLOC_CANCEL:
        cairn_ledger_realloc_cancel(ledger, process, &source->thread);
        break;
    case CAIRN_RECORD_REALLOC_GONE:
        cairn_ledger_realloc_gone(ledger, process, &source->thread, time_of(recorder, record));
        break;
    case CAIRN_RECORD_NODE:
        cairn_nodes_add(&source->nodes, (uint32_t)record[1], (uint8_t)(record[1] >> 32), record[2]);
        break;
    case CAIRN_RECORD_MAP:
    case CAIRN_RECORD_UNMAP:
    case CAIRN_RECORD_REMAP:
    case CAIRN_RECORD_BREAK:
        apply_space(recorder, source, record);
        break;
    default:
        apply_rare(recorder, source, record);
        break;
    }
}
