/* The ledger against a model that keeps every block of every process: allocations, frees, reallocs, blocks that are lost
 * or unknown, forks, inherited blocks, ends in any order, and address space that is mapped, cut and moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ledger_quick.h"
#include "rig.h"

#define ADDRESSES 60u
#define PROCESSES 64u
#define STEPS     30000u

static uint64_t seed;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* A block as a process sees it; `owner` is the process in whose sums it is. */
struct block {
    bool held;
    uint32_t owner;
    uint64_t size;
};

struct process {
    struct cairn_ledger_process *ledger;
    struct cairn_ledger_thread thread;
    bool alive;
    uint32_t parent; /* it was forked from */
    struct block blocks[ADDRESSES];
    uint32_t reallocating; /* address + 1 */
    struct block pending;
};

struct model {
    struct rig rig;
    struct process processes[PROCESSES + 1]; /* by number */
    uint32_t custodians[PROCESSES + 1];
    uint32_t count, alive;
    uint32_t ended[PROCESSES];
    size_t ended_count; /* whose END is still to come */
    int64_t bytes[PROCESSES + 1], blocks[PROCESSES + 1];
    uint64_t lost, unknown, quick, quick_begins, quick_ends, quick_wholes;
    uint64_t stamp;
    struct cairn_ledger_run run;
    struct process *run_of; /* whose it is; NULL: none is open */
    uint64_t run_stamp;     /* of what was last done in it */
};

static struct cairn_ledger_time now(struct model *model)
{
    model->stamp += 1 + next_random() % 5;
    return (struct cairn_ledger_time){.stamp = model->stamp, .us = model->stamp / 3};
}

static void change(struct model *model, uint32_t process, int64_t bytes, int64_t blocks)
{
    model->bytes[process] += bytes;
    model->blocks[process] += blocks;
}

static uint32_t oldest_heir(const struct model *model, uint32_t custodian)
{
    for (uint32_t i = 1; i <= model->count; i++) {
        for (uint32_t at = model->processes[i].parent; model->processes[i].alive && at;
             at = model->processes[at].parent) {
            if (model->custodians[at] == custodian) {
                return i;
            }
        }
    }
    return 0;
}

static void model_end(struct model *model, uint32_t number)
{
    model->bytes[number] = 0;
    model->blocks[number] = 0;
    const uint32_t heir = oldest_heir(model, number);
    for (size_t i = 0; heir && i < ADDRESSES; i++) {
        struct block *block = &model->processes[heir].blocks[i];
        if (block->held && block->owner != heir && model->custodians[block->owner] == number) {
            block->owner = heir;
            change(model, heir, (int64_t)block->size, 1);
        }
    }
    for (uint32_t i = 1; i <= model->count; i++) {
        if (model->custodians[i] == number) {
            model->custodians[i] = heir;
        }
    }
}

/* ENDs come with the next event. */
static void settle(struct model *model)
{
    for (size_t i = 0; i < model->ended_count; i++) {
        model_end(model, model->ended[i]);
    }
    model->ended_count = 0;
}

static uint32_t account_of(struct model *model, uint32_t process)
{
    return cairn_ledger_account(model->rig.recorder->ledger, process, process, CAIRN_DOMAIN_MALLOC,
                                (uint32_t)(next_random() % 5));
}

static void take_over(struct model *model, uint32_t number, size_t at, uint64_t size)
{
    struct block *block = &model->processes[number].blocks[at];
    if (block->held) { /* its free was lost */
        if (block->owner == number) {
            change(model, number, -(int64_t)block->size, -1);
            model->lost++;
        }
    }
    *block = (struct block){.held = true, .owner = number, .size = size};
    change(model, number, (int64_t)size, 1);
}

static void end_run(struct model *model)
{
    if (model->run_of) {
        cairn_ledger_run_end(&model->run, model->run_stamp);
        model->run_of = NULL;
    }
}

/* As the merge does: one run of the short way, as long as it is one. */
static bool in_run(struct model *model, struct process *process, struct cairn_ledger_time when)
{
    if (model->run_of != process) {
        end_run(model);
        if (!cairn_ledger_run_begin(&model->run, model->rig.recorder->ledger, process->ledger,
                                    &process->thread, when.stamp)) {
            return false;
        }
        model->run_of = process;
        model->run_stamp = model->rig.recorder->ledger->last_stamp;
    }
    return true;
}

static bool was_quick(struct model *model, struct cairn_ledger_time when)
{
    model->quick++;
    model->run_stamp = when.stamp;
    return true;
}

static bool alloc_quickly(struct model *model, struct process *process, struct cairn_ledger_time when,
                          uint32_t account, uint64_t address, uint64_t size)
{
    const uint64_t key = cairn_live_key(address, CAIRN_DOMAIN_MALLOC);
    return in_run(model, process, when) &&
           cairn_ledger_run_alloc(&model->run, when.us, account, key,
                                  cairn_young_ahead(process->ledger->live, key), size) &&
           was_quick(model, when);
}

static bool free_quickly(struct model *model, struct process *process, struct cairn_ledger_time when,
                         uint64_t address)
{
    const uint64_t key = cairn_live_key(address, CAIRN_DOMAIN_MALLOC);
    return in_run(model, process, when) &&
           cairn_ledger_run_free(&model->run, when.us, key, cairn_young_ahead(process->ledger->live, key),
                                 false) &&
           was_quick(model, when);
}

static void alloc(struct model *model, struct process *process, uint32_t account, uint64_t address,
                  uint64_t size)
{
    const struct cairn_ledger_time when = now(model);
    if (!alloc_quickly(model, process, when, account, address, size)) {
        end_run(model);
        cairn_ledger_alloc(model->rig.recorder->ledger, process->ledger, &process->thread, when, account,
                           address, size, CAIRN_DOMAIN_MALLOC);
    }
}

static void give_back(struct model *model, struct process *process, uint64_t address)
{
    const struct cairn_ledger_time when = now(model);
    if (!free_quickly(model, process, when, address)) {
        end_run(model);
        cairn_ledger_free_block(model->rig.recorder->ledger, process->ledger, &process->thread, when, address,
                                CAIRN_DOMAIN_MALLOC, 0);
    }
}

static void begin_realloc_of(struct model *model, struct process *process, uint64_t address)
{
    const struct cairn_ledger_time when = now(model);
    const uint64_t key = cairn_live_key(address, CAIRN_DOMAIN_MALLOC);
    if (in_run(model, process, when) &&
        cairn_ledger_run_realloc_begin(&model->run, key, cairn_young_ahead(process->ledger->live, key))) {
        was_quick(model, when);
        model->quick_begins++;
        return;
    }
    end_run(model);
    cairn_ledger_realloc_begin(model->rig.recorder->ledger, process->ledger, &process->thread, when, address,
                               CAIRN_DOMAIN_MALLOC);
}

static void end_realloc(struct model *model, struct process *process, uint32_t account, uint64_t address,
                        uint64_t size)
{
    const struct cairn_ledger_time when = now(model);
    const uint64_t key = cairn_live_key(address, CAIRN_DOMAIN_MALLOC);
    if (in_run(model, process, when) &&
        cairn_ledger_run_realloc_end(&model->run, when.us, account, key,
                                     cairn_young_ahead(process->ledger->live, key), size)) {
        was_quick(model, when);
        model->quick_ends++;
        return;
    }
    end_run(model);
    cairn_ledger_realloc_end(model->rig.recorder->ledger, process->ledger, &process->thread, when, account,
                             address, size, CAIRN_DOMAIN_MALLOC);
}

static void whole_realloc(struct model *model, struct process *process, uint32_t account,
                          uint64_t old_address, uint64_t address, uint64_t size)
{
    const struct cairn_ledger_time when = now(model);
    const struct cairn_live_map *live = process->ledger->live;
    const uint64_t key = cairn_live_key(address, CAIRN_DOMAIN_MALLOC);
    const uint64_t old_key = cairn_live_key(old_address, CAIRN_DOMAIN_MALLOC);
    if (in_run(model, process, when) &&
        cairn_ledger_run_realloc(&model->run, when.us, account, key, cairn_young_ahead(live, key), size,
                                 old_key, cairn_young_ahead(live, old_key))) {
        was_quick(model, when);
        model->quick_wholes++;
        return;
    }
    end_run(model);
    cairn_ledger_realloc(model->rig.recorder->ledger, process->ledger, &process->thread, when, account,
                         old_address, address, size, CAIRN_DOMAIN_MALLOC);
}

/* Every other process has an array of young blocks from its next one on, as if it had made thousands already. */
static void make_young(struct process *process, uint32_t number)
{
    process->ledger->live->puts = number % 2 ? UINT32_MAX - 1 : 0;
}

static void do_alloc(struct model *model, uint32_t number)
{
    struct process *process = &model->processes[number];
    const size_t at = next_random() % ADDRESSES;
    if ((process->blocks[at].held && next_random() % 20) || process->reallocating == at + 1) {
        return;
    }
    const uint64_t size = next_random() % 1000;
    settle(model);
    take_over(model, number, at, size);
    alloc(model, process, account_of(model, number), 0x1000 + at * 16, size);
}

static void do_free(struct model *model, uint32_t number)
{
    struct process *process = &model->processes[number];
    const size_t at = next_random() % ADDRESSES;
    struct block *block = &process->blocks[at];
    if ((!block->held && next_random() % 20) || process->reallocating == at + 1) {
        return;
    }
    if (!block->held) {
        model->unknown++;
    } else if (block->owner == number) {
        settle(model);
        change(model, number, -(int64_t)block->size, -1);
    }
    block->held = false;
    give_back(model, process, 0x1000 + at * 16);
}

static void begin_realloc(struct model *model, uint32_t number)
{
    struct process *process = &model->processes[number];
    const size_t at = next_random() % ADDRESSES;
    if (process->reallocating || !process->blocks[at].held) {
        return;
    }
    process->reallocating = (uint32_t)at + 1;
    process->pending = process->blocks[at];
    process->blocks[at].held = false;
    begin_realloc_of(model, process, 0x1000 + at * 16);
}

static void finish_realloc(struct model *model, uint32_t number)
{
    struct process *process = &model->processes[number];
    if (!process->reallocating) {
        return;
    }
    const size_t old = process->reallocating - 1;
    process->reallocating = 0;
    if (next_random() % 4 == 0) {
        end_run(model);
        process->blocks[old] = process->pending;
        cairn_ledger_realloc_cancel(model->rig.recorder->ledger, process->ledger, &process->thread);
        return;
    }
    size_t at = old;
    while (at != old ? process->blocks[at].held : next_random() % 2) {
        at = next_random() % ADDRESSES;
    }
    const uint64_t size = next_random() % 1000;
    settle(model);
    if (process->pending.owner == number) {
        change(model, number, -(int64_t)process->pending.size, -1);
    }
    take_over(model, number, at, size);
    end_realloc(model, process, account_of(model, number), 0x1000 + at * 16, size);
}

/* A whole one, in one step. */
static void do_realloc(struct model *model, uint32_t number)
{
    struct process *process = &model->processes[number];
    const size_t old = next_random() % ADDRESSES;
    const struct block block = process->blocks[old];
    if ((!block.held && next_random() % 20) || process->reallocating == old + 1) {
        return;
    }
    size_t at;
    do {
        at = next_random() % 2 ? old : next_random() % ADDRESSES;
    } while (process->reallocating == at + 1);
    const uint64_t size = next_random() % 1000;
    settle(model);
    if (!block.held) {
        model->unknown++;
    } else if (block.owner == number) {
        change(model, number, -(int64_t)block.size, -1);
    }
    process->blocks[old].held = false;
    take_over(model, number, at, size);
    whole_realloc(model, process, account_of(model, number), 0x1000 + old * 16, 0x1000 + at * 16, size);
}

static void do_fork(struct model *model, uint32_t number)
{
    struct process *parent = &model->processes[number];
    if (model->count == PROCESSES || model->alive > 8 || parent->reallocating) {
        return;
    }
    struct cairn_ledger *ledger = model->rig.recorder->ledger;
    struct cairn_ledger_image image;
    assert_true(cairn_ledger_fork(ledger, parent->ledger, &image));
    const uint32_t child_number = ++model->count;
    struct process *child = &model->processes[child_number];
    *child = *parent;
    child->parent = number;
    child->thread = (struct cairn_ledger_thread){.number = child_number};
    child->ledger = cairn_ledger_process_new(ledger, child_number, &image);
    make_young(child, child_number);
    model->custodians[child_number] = child_number;
    model->alive++;
    settle(model);
    cairn_ledger_first_thread(ledger, child->ledger, child_number, now(model).us);
}

static void do_end(struct model *model, uint32_t number)
{
    struct process *process = &model->processes[number];
    if (model->alive == 1) {
        return;
    }
    if (process->reallocating) {
        cairn_ledger_realloc_cancel(model->rig.recorder->ledger, process->ledger, &process->thread);
        process->blocks[process->reallocating - 1] = process->pending;
        process->reallocating = 0;
    }
    process->alive = false;
    model->alive--;
    model->ended[model->ended_count++] = number;
    cairn_ledger_process_end(model->rig.recorder->ledger, process->ledger, now(model).us);
}

static void step(struct model *model)
{
    uint32_t number;
    do {
        number = (uint32_t)(next_random() % model->count) + 1;
    } while (!model->processes[number].alive);
    switch (next_random() % 100) {
    case 0:
        end_run(model);
        do_fork(model, number);
        break;
    case 1:
        end_run(model);
        do_end(model, number);
        break;
    default:
        if (next_random() % 16 == 0) {
            do_realloc(model, number);
        } else if (next_random() % 8 == 0) {
            model->processes[number].reallocating ? finish_realloc(model, number)
                                                  : begin_realloc(model, number);
        } else if (next_random() % 2) {
            do_alloc(model, number);
        } else {
            do_free(model, number);
        }
    }
}

/* Applies the events alone and ends with the same sums; every birth must be a live block of that size and account. */
static void replay(const struct rig *rig, int64_t *bytes, int64_t *blocks)
{
    uint64_t *live_size = calloc(rig->event_count + 1, sizeof *live_size); /* size + 1, 0: not live */
    for (size_t i = 0; i < rig->event_count; i++) {
        const struct cairn_event *event = &rig->events[i];
        const bool ends = event->kind == CAIRN_EVENT_FREE || event->kind == CAIRN_EVENT_LOST;
        if (ends || event->kind == CAIRN_EVENT_REALLOC) {
            const uint64_t size = ends ? event->size : event->old_size;
            const uint32_t account = ends ? event->account : event->old_account;
            assert_true(event->birth < i);
            assert_int_equal(live_size[event->birth], size + 1);
            assert_int_equal(rig->events[event->birth].account, account);
            live_size[event->birth] = 0;
            bytes[rig->accounts[account - 1].process] -= (int64_t)size;
            blocks[rig->accounts[account - 1].process]--;
        }
        if (!ends && event->kind != CAIRN_EVENT_END) {
            const uint32_t process = rig->accounts[event->account - 1].process;
            live_size[i] = event->size + 1;
            bytes[process] += (int64_t)event->size;
            blocks[process]++;
            assert_true(event->kind != CAIRN_EVENT_ADOPT || event->birth < i);
        }
        if (event->kind == CAIRN_EVENT_END) {
            bytes[event->account] = 0;
            blocks[event->account] = 0;
        }
    }
    free(live_size);
}

static void run(uint64_t with_seed)
{
    seed = with_seed;
    struct model *model = calloc(1, sizeof *model);
    rig_start(&model->rig);
    struct cairn_ledger *ledger = model->rig.recorder->ledger;
    model->count = 1;
    model->alive = 1;
    model->custodians[1] = 1;
    model->processes[1] = (struct process){
        .alive = true, .thread.number = 1, .ledger = cairn_ledger_process_new(ledger, 1, NULL)};
    make_young(&model->processes[1], 1);
    cairn_ledger_first_thread(ledger, model->processes[1].ledger, 1, 0);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(model);
    }
    end_run(model);
    for (uint32_t i = 1; i <= model->count; i++) {
        const struct process *process = &model->processes[i];
        int64_t held = 0;
        uint64_t blocks = 0;
        for (size_t at = 0; at < ADDRESSES; at++) {
            held += process->blocks[at].held ? (int64_t)process->blocks[at].size : 0;
            blocks += process->blocks[at].held;
        }
        if (process->alive && !process->reallocating) {
            assert_int_equal(process->ledger->traced_bytes, held);
            assert_int_equal(process->ledger->live->count, blocks);
        }
    }
    rig_finish(&model->rig);
    const struct cairn_ledger_counts *counts = cairn_ledger_counts(ledger);
    assert_true(model->quick > STEPS / 100);
    assert_true(model->quick_begins > STEPS / 1000 && model->quick_ends > STEPS / 1000 &&
                model->quick_wholes > STEPS / 2000);
    assert_int_equal(counts->lost_frees, model->lost);
    assert_int_equal(counts->unknown_frees, model->unknown);
    int64_t bytes[PROCESSES + 1] = {0}, blocks[PROCESSES + 1] = {0};
    replay(&model->rig, bytes, blocks);
    for (uint32_t i = 1; i <= model->count; i++) {
        assert_int_equal(bytes[i], model->bytes[i]);
        assert_int_equal(blocks[i], model->blocks[i]);
    }
    rig_release(&model->rig);
    free(model);
}

static void same_as_the_model(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 20; i++) {
        run(i * 0x9e3779b97f4a7c15ull);
    }
}

static void temporary_blocks(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig);
    struct cairn_ledger *ledger = rig.recorder->ledger;
    struct cairn_ledger_process *process = cairn_ledger_process_new(ledger, 1, NULL);
    struct cairn_ledger_thread one = {.number = 1}, two = {.number = 2};
    cairn_ledger_first_thread(ledger, process, 1, 0);
    const uint32_t account = cairn_ledger_account(ledger, 1, 1, CAIRN_DOMAIN_MALLOC, 0);
    struct cairn_ledger_time when = {.stamp = 1, .us = 1};
    cairn_ledger_alloc(ledger, process, &one, when, account, 0x10, 1, 0);
    cairn_ledger_alloc(ledger, process, &two, when, account, 0x20, 1, 0);
    cairn_ledger_free_block(ledger, process, &one, when, 0x10, 0,
                            false); /* temporary: nothing of this thread between */
    cairn_ledger_free_block(ledger, process, &one, when, 0x20, 0, false); /* another thread's */
    cairn_ledger_alloc(ledger, process, &one, when, account, 0x10, 1, 0);
    cairn_ledger_alloc(ledger, process, &one, when, account, 0x20, 1, 0);
    cairn_ledger_free_block(ledger, process, &one, when, 0x10, 0, false); /* one between */
    cairn_ledger_free_block(ledger, process, &one, when, 0x20, 0, false); /* temporary */
    rig_finish(&rig);
    static const uint8_t flags[] = {0, 0, CAIRN_EVENT_TEMPORARY, 0, 0, 0, 0, CAIRN_EVENT_TEMPORARY};
    assert_int_equal(rig.event_count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(rig.events[i].flags, flags[i]);
    }
    rig_release(&rig);
}

/* Of a sampled recording: one side of a realloc without the other, frees of blocks that were not sampled, and a free that the
 * agent knows not to be of the thread's last block. */
static void sampled_blocks(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig);
    rig.recorder->pipeline.sample_bytes = 1;
    struct cairn_ledger *ledger = rig.recorder->ledger;
    struct cairn_ledger_process *process = cairn_ledger_process_new(ledger, 1, NULL);
    struct cairn_ledger_thread thread = {.number = 1};
    cairn_ledger_first_thread(ledger, process, 1, 0);
    const uint32_t account = cairn_ledger_account(ledger, 1, 1, CAIRN_DOMAIN_MALLOC, 0);
    const struct cairn_ledger_time when = {.stamp = 1, .us = 1};
    cairn_ledger_free_block(ledger, process, &thread, when, 0x50, 0, 0); /* not sampled: no event */
    cairn_ledger_alloc(ledger, process, &thread, when, account, 0x10, 100, 0);
    cairn_ledger_realloc_begin(ledger, process, &thread, when, 0x10, 0);
    cairn_ledger_realloc_gone(ledger, process, &thread, when);
    cairn_ledger_realloc_alone(ledger, process, &thread, when, account, 0x10, 200, 0);
    assert_int_equal(process->traced_bytes, 200);
    cairn_ledger_realloc_begin(ledger, process, &thread, when, 0x60, 0); /* not sampled, taken for one */
    cairn_ledger_realloc_gone(ledger, process, &thread, when);
    cairn_ledger_realloc_gone(ledger, process, &thread, when); /* nothing is pending */
    cairn_ledger_free_block(ledger, process, &thread, when, 0x10, 0, CAIRN_LEDGER_LATER);
    cairn_ledger_alloc(ledger, process, &thread, when, account, 0x10, 300, 0);
    cairn_ledger_free_block(ledger, process, &thread, when, 0x10, 0, 0);
    assert_int_equal(process->traced_bytes, 0);
    assert_int_equal(cairn_ledger_counts(ledger)->unknown_frees, 0);
    rig_finish(&rig);
    static const uint8_t kinds[] = {CAIRN_EVENT_ALLOC, CAIRN_EVENT_FREE,  CAIRN_EVENT_ALLOC,
                                    CAIRN_EVENT_FREE,  CAIRN_EVENT_ALLOC, CAIRN_EVENT_FREE};
    static const uint8_t flags[] = {0, 0, CAIRN_EVENT_BY_REALLOC, 0, 0, CAIRN_EVENT_TEMPORARY};
    static const uint64_t sizes[] = {100, 100, 200, 200, 300, 300};
    assert_int_equal(rig.event_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(rig.events[i].kind, kinds[i]);
        assert_int_equal(rig.events[i].flags, flags[i]);
        assert_int_equal(rig.events[i].size, sizes[i]);
    }
    rig_release(&rig);
}

/* Blocks from before the recording: what realloc makes of one is a realloc's, and one that failed gave nothing back. */
static void unknown_blocks(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig);
    struct cairn_ledger *ledger = rig.recorder->ledger;
    struct cairn_ledger_process *process = cairn_ledger_process_new(ledger, 1, NULL);
    struct cairn_ledger_thread thread = {.number = 1};
    cairn_ledger_first_thread(ledger, process, 1, 0);
    const uint32_t account = cairn_ledger_account(ledger, 1, 1, CAIRN_DOMAIN_MALLOC, 0);
    const struct cairn_ledger_time first = {.stamp = 1, .us = 1}, begun = {.stamp = 5, .us = 1};
    const struct cairn_ledger_counts *counts = cairn_ledger_counts(ledger);
    cairn_ledger_realloc_begin(ledger, process, &thread, begun, 0x50, 0);
    cairn_ledger_realloc_cancel(ledger, process, &thread);
    assert_int_equal(counts->unknown_frees, 0);
    cairn_ledger_alloc(ledger, process, &thread, first, account, 0x50, 10, 0); /* told late: it lives */
    assert_int_equal(process->traced_bytes, 10);
    cairn_ledger_realloc_begin(ledger, process, &thread, begun, 0x60, 0);
    cairn_ledger_realloc_end(ledger, process, &thread, begun, account, 0x70, 20, 0);
    cairn_ledger_realloc(ledger, process, &thread, begun, account, 0x80, 0x90, 30, 0);
    assert_int_equal(counts->unknown_frees, 2);
    assert_int_equal(process->traced_bytes, 60);
    rig_finish(&rig);
    static const uint8_t flags[] = {0, CAIRN_EVENT_BY_REALLOC, CAIRN_EVENT_BY_REALLOC};
    assert_int_equal(rig.event_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rig.events[i].kind, CAIRN_EVENT_ALLOC);
        assert_int_equal(rig.events[i].flags, flags[i]);
    }
    rig_release(&rig);
}

/* Sums of mapped bytes by the events, after each step of a fixed story. */
static void address_space(void **state)
{
    (void)state;
    enum { PAGE = 4096 };
    struct rig rig;
    rig_start(&rig);
    struct cairn_ledger *ledger = rig.recorder->ledger;
    struct cairn_ledger_process *process = cairn_ledger_process_new(ledger, 1, NULL);
    const uint32_t map = cairn_ledger_account(ledger, 1, 1, CAIRN_DOMAIN_MMAP, 1);
    const uint32_t brk = cairn_ledger_account(ledger, 1, 1, CAIRN_DOMAIN_BREAK, 2);
    const struct cairn_ledger_time when = {.stamp = 1, .us = 1};
    cairn_ledger_map(ledger, process, when, map, 0x100000, 10 * PAGE - 5);    /* 0: +10 pages */
    cairn_ledger_unmap(ledger, process, when, 0x100000 + 4 * PAGE, 2 * PAGE); /* 1: a hole: −2, two pieces */
    cairn_ledger_unmap(ledger, process, when, 0x100000, 4 * PAGE);            /* 2: −4, one piece is left */
    cairn_ledger_map(ledger, process, when, map, 0x100000 + 9 * PAGE, 2 * PAGE); /* 3: −1 of the old, 4: +2 */
    cairn_ledger_unmap(ledger, process, when, 0x100000 + 6 * PAGE,
                       3 * PAGE); /* 5: the old one's last: FREE 3 */
    cairn_ledger_remap(ledger, process, when, map, 0x100000 + 9 * PAGE, 2 * PAGE, 0x900000, 5 * PAGE); /* 6 */
    cairn_ledger_remap(ledger, process, when, map, 0x900000, 5 * PAGE, 0x900000, PAGE); /* 7: −4 */
    cairn_ledger_break(ledger, process, when, brk, 0x500000);                           /* the start */
    cairn_ledger_break(ledger, process, when, brk, 0x500000 + 3 * PAGE);                /* 8: +3 */
    cairn_ledger_break(ledger, process, when, brk, 0x500000 + PAGE);                    /* 9: −2 */
    cairn_ledger_break(ledger, process, when, brk, 0x500000);                           /* 10: FREE 1 */
    cairn_ledger_unmap(ledger, process, when, 0, UINT64_MAX); /* no range: nothing */
    rig_finish(&rig);

    static const struct {
        uint8_t kind;
        uint64_t pages, birth;
    } expected[] = {
        {CAIRN_EVENT_ALLOC, 10, 0},  {CAIRN_EVENT_SHRINK, 2, 0}, {CAIRN_EVENT_SHRINK, 4, 0},
        {CAIRN_EVENT_SHRINK, 1, 0},  {CAIRN_EVENT_ALLOC, 2, 0},  {CAIRN_EVENT_FREE, 3, 0},
        {CAIRN_EVENT_REALLOC, 5, 4}, {CAIRN_EVENT_SHRINK, 4, 6}, {CAIRN_EVENT_ALLOC, 3, 0},
        {CAIRN_EVENT_SHRINK, 2, 8},  {CAIRN_EVENT_FREE, 1, 8},
    };
    assert_int_equal(rig.event_count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < rig.event_count; i++) {
        assert_int_equal(rig.events[i].kind, expected[i].kind);
        assert_int_equal(rig.events[i].size, expected[i].pages * PAGE);
        assert_int_equal(rig.events[i].birth, expected[i].birth);
    }
    assert_int_equal(rig.events[6].old_size, 2 * PAGE);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_the_model), cmocka_unit_test(temporary_blocks),
        cmocka_unit_test(sampled_blocks),    cmocka_unit_test(unknown_blocks),
        cmocka_unit_test(address_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
