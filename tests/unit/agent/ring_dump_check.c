/* The rules that hold over all rings of a process, in the order of the stamps, and the comparison with a ledger. */
#include "ring_dump.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Open addressing, address and domain → size. `displaced`: a block that another one overtook, because the realloc that
 * moved it away has not ended yet. */
struct block {
    uint64_t key; /* address | domain << 48; 0: empty */
    uint64_t size;
    bool live, displaced;
    uint64_t displaced_size;
};

struct model {
    struct block *blocks;
    uint64_t mask, used;
    struct dump_ledger sums;
    uint64_t unknown_frees, overlaps;
};

static struct block *slot(struct model *model, uint64_t key)
{
    uint64_t i = key * 0x9e3779b97f4a7c15ull >> 20;
    for (;; i++) {
        struct block *block = &model->blocks[i & model->mask];
        if (block->key == key || block->key == 0) {
            return block;
        }
    }
}

static void grow(struct model *model)
{
    struct model larger = *model;
    larger.mask = model->mask ? model->mask * 2 + 1 : 0xffff;
    larger.blocks = calloc(larger.mask + 1, sizeof *larger.blocks);
    larger.used = 0;
    if (!larger.blocks) {
        abort();
    }
    for (uint64_t i = 0; model->blocks && i <= model->mask; i++) {
        if (model->blocks[i].live || model->blocks[i].displaced) {
            *slot(&larger, model->blocks[i].key) = model->blocks[i];
            larger.used++;
        }
    }
    free(model->blocks);
    *model = larger;
}

static struct block *find(struct model *model, uint64_t address, uint8_t domain)
{
    if (!model->blocks || model->used * 2 > model->mask) {
        grow(model);
    }
    struct block *block = slot(model, address | (uint64_t)domain << 48);
    if (block->key == 0) {
        block->key = address | (uint64_t)domain << 48;
        model->used++;
    }
    return block;
}

static void add(struct model *model, const struct dump_event *event)
{
    struct block *block = find(model, event->address, event->domain);
    if (block->live) {
        model->overlaps++;
        block->displaced = true;
        block->displaced_size = block->size;
    } else {
        block->live = true;
    }
    block->size = event->size;
    model->sums.live_bytes += (int64_t)event->size;
    model->sums.live_blocks++;
    model->sums.allocated_bytes += event->size;
    if (model->sums.live_bytes > model->sums.peak_bytes) {
        model->sums.peak_bytes = model->sums.live_bytes;
    }
}

/* False where there is no such block. */
static bool take(struct model *model, uint64_t address, uint8_t domain)
{
    struct block *block = find(model, address, domain);
    uint64_t size;
    if (block->displaced) {
        block->displaced = false;
        size = block->displaced_size;
    } else if (block->live) {
        block->live = false;
        size = block->size;
    } else {
        model->unknown_frees++;
        return false;
    }
    model->sums.live_bytes -= (int64_t)size;
    model->sums.live_blocks--;
    return true;
}

static int by_stamp(const void *a, const void *b)
{
    const struct dump_event *left = a, *right = b;
    if (left->stamp != right->stamp) {
        return left->stamp < right->stamp ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

static void replay(struct model *model, const struct dump_process *process, bool only_ledger)
{
    for (uint64_t i = 0; i < process->events.count; i++) {
        const struct dump_event *event = &process->events.list[i];
        if (only_ledger && (event->stamp < process->begin_stamp || event->stamp > process->end_stamp)) {
            continue;
        }
        switch (event->kind) {
        case CAIRN_RECORD_FREE:
            model->sums.frees++;
            take(model, event->address, event->domain);
            break;
        case CAIRN_RECORD_REALLOC:
        case CAIRN_RECORD_REALLOC_END:
            model->sums.reallocs++;
            take(model, event->old_address, event->domain);
            add(model, event);
            break;
        default:
            model->sums.allocations++;
            add(model, event);
            break;
        }
    }
}

static uint64_t pending_reallocs(const struct dump *dump, const struct dump_process *process)
{
    uint64_t pending = 0;
    for (const struct dump_segment *segment = dump->segments; segment; segment = segment->next) {
        for (uint32_t i = 0; segment->process == process && i < CAIRN_RINGS_PER_SEGMENT; i++) {
            pending += segment->rings[i].pending_count;
        }
    }
    return pending;
}

static void check_process(struct dump *dump, struct dump_process *process, struct model *model)
{
    if (process->events.count > 0) {
        qsort(process->events.list, process->events.count, sizeof *process->events.list, by_stamp);
    }
    replay(model, process, false);
    uint64_t displaced = 0;
    for (uint64_t i = 0; model->blocks && i <= model->mask; i++) {
        displaced += model->blocks[i].displaced;
    }
    /* A realloc that was under way when the program was killed has left its block's address to others. */
    if (displaced > pending_reallocs(dump, process)) {
        dump_fault(dump, process, "%" PRIu64 " blocks were allocated where another one lived", displaced);
    }
    const bool complete = process->reason == CAIRN_HELLO_START && process->skipped == 0 &&
                          process->kinds[CAIRN_RECORD_PAUSE] == 0;
    if (model->unknown_frees > 0 && complete) {
        dump_fault(dump, process, "%" PRIu64 " frees of blocks that were never allocated",
                   model->unknown_frees);
    }
}

static bool read_ledger(const char *path, struct dump_ledger *ledger, int64_t *pid)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    char key[64];
    int64_t value;
    while (fscanf(file, "%63s %" SCNd64, key, &value) == 2) {
        const struct {
            const char *name;
            void *place;
        } places[] = {{"allocations", &ledger->allocations},
                      {"reallocs", &ledger->reallocs},
                      {"frees", &ledger->frees},
                      {"allocated_bytes", &ledger->allocated_bytes},
                      {"live_bytes", &ledger->live_bytes},
                      {"live_blocks", &ledger->live_blocks},
                      {"peak_bytes", &ledger->peak_bytes},
                      {"pid", pid}};
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            if (strcmp(key, places[i].name) == 0) {
                memcpy(places[i].place, &value, sizeof value);
            }
        }
    }
    fclose(file);
    return true;
}

static void compare(struct dump *dump, struct dump_process *process, const struct dump_ledger *said)
{
    struct model model = {.mask = 0};
    replay(&model, process, process->begin_stamp != 0);
    const struct dump_ledger *found = &model.sums;
    const struct {
        const char *name;
        int64_t said, found;
    } rows[] = {
        {"allocations", (int64_t)said->allocations, (int64_t)found->allocations},
        {"reallocs", (int64_t)said->reallocs, (int64_t)found->reallocs},
        {"frees", (int64_t)said->frees, (int64_t)found->frees},
        {"allocated bytes", (int64_t)said->allocated_bytes, (int64_t)found->allocated_bytes},
        {"live bytes", said->live_bytes, found->live_bytes},
        {"live blocks", said->live_blocks, found->live_blocks},
        {"peak bytes", said->peak_bytes, said->peak_bytes ? found->peak_bytes : 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].said != rows[i].found && process->skipped == 0) {
            dump_fault(dump, process, "%s: the program counted %" PRId64 ", recorded are %" PRId64,
                       rows[i].name, rows[i].said, rows[i].found);
        }
    }
    free(model.blocks);
}

static void compare_with(struct dump *dump, const char *path)
{
    struct dump_ledger ledger = {.allocations = 0};
    int64_t pid = 0;
    if (!read_ledger(path, &ledger, &pid)) {
        dump_fault(dump, NULL, "no ledger %s", path);
        return;
    }
    /* The newest comes first: after an exec that is the program that wrote the ledger. */
    struct dump_process *process = dump->processes;
    while (process && process->pid != pid) {
        process = process->next;
    }
    if (!process) {
        dump_fault(dump, NULL, "no process %" PRId64 " of ledger %s", pid, path);
        return;
    }
    compare(dump, process, &ledger);
}

static void compare_ledgers(struct dump *dump)
{
    if (dump->ledger) {
        compare_with(dump, dump->ledger);
    }
    DIR *folder = dump->ledger_folder ? opendir(dump->ledger_folder) : NULL;
    for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", dump->ledger_folder, entry->d_name);
            compare_with(dump, path);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

static void collect_counters(struct dump *dump)
{
    for (const struct dump_segment *segment = dump->segments; segment; segment = segment->next) {
        for (uint32_t i = 0; i < CAIRN_RINGS_PER_SEGMENT; i++) {
            segment->process->skipped += atomic_load(&segment->header->rings[i].skipped);
            segment->process->stalled_ns += atomic_load(&segment->header->rings[i].stalled_ns);
            segment->process->tenancies += atomic_load(&segment->header->rings[i].generation);
        }
    }
}

static void print_process(const struct dump_process *process, const struct model *model)
{
    const uint64_t *kinds = process->kinds;
    printf("process %u pid %d parent %u reason %u serial %" PRIu64 ": segments %u tenancies %" PRIu64
           " skipped %" PRIu64 " stalled %.3f s\n",
           process->number, process->pid, process->parent, process->reason, process->fork_serial,
           process->segments, process->tenancies, process->skipped, (double)process->stalled_ns / 1e9);
    printf("  allocations %" PRIu64 " reallocs %" PRIu64 " frees %" PRIu64 " bytes %" PRIu64 " live %" PRId64
           " in %" PRId64 " peak %" PRId64 " unknown %" PRIu64 " overtaken %" PRIu64 "\n",
           model->sums.allocations, model->sums.reallocs, model->sums.frees, model->sums.allocated_bytes,
           model->sums.live_bytes, model->sums.live_blocks, model->sums.peak_bytes, model->unknown_frees,
           model->overlaps);
    printf("  nodes %" PRIu64 " resets %" PRIu64 " modules %" PRIu64 " gone %" PRIu64 " map %" PRIu64
           " unmap %" PRIu64 " remap %" PRIu64 " break %" PRIu64 " threads %" PRIu64 "/%" PRIu64
           " fork %" PRIu64 "/%" PRIu64 " exec %" PRIu64 "/%" PRIu64 " exit %" PRIu64 " pause %" PRIu64
           " text %" PRIu64 "\n",
           kinds[CAIRN_RECORD_NODE], kinds[CAIRN_RECORD_NODE_RESET], kinds[CAIRN_RECORD_MODULE],
           kinds[CAIRN_RECORD_MODULE_GONE], kinds[CAIRN_RECORD_MAP], kinds[CAIRN_RECORD_UNMAP],
           kinds[CAIRN_RECORD_REMAP], kinds[CAIRN_RECORD_BREAK], kinds[CAIRN_RECORD_THREAD_START],
           kinds[CAIRN_RECORD_THREAD_END], kinds[CAIRN_RECORD_FORK], kinds[CAIRN_RECORD_FORK_DONE],
           kinds[CAIRN_RECORD_EXEC], kinds[CAIRN_RECORD_EXEC_FAILED], kinds[CAIRN_RECORD_EXIT],
           kinds[CAIRN_RECORD_PAUSE], kinds[CAIRN_RECORD_TEXT]);
}

bool dump_report(struct dump *dump)
{
    collect_counters(dump);
    uint64_t events = 0, processes = 0;
    for (struct dump_process *process = dump->processes; process; process = process->next) {
        struct model model = {.mask = 0};
        check_process(dump, process, &model);
        if (!dump->quiet) {
            print_process(process, &model);
        }
        events += process->events.count;
        processes++;
        free(model.blocks);
    }
    compare_ledgers(dump);
    printf("%" PRIu64 " processes, %" PRIu64 " heap events, %" PRIu64
           " faults; the program ended with %s %d\n",
           processes, events, dump->faults, WIFSIGNALED(dump->status) ? "signal" : "status",
           WIFSIGNALED(dump->status) ? WTERMSIG(dump->status) : WEXITSTATUS(dump->status));
    return dump->faults == 0;
}
