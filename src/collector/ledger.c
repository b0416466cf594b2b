#include "collector/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "collector/ledger_internal.h"

/* A chunk of at least this many events that was rewritten this often ends early: a slow program would otherwise have the
 * same chunk encoded for hours. */
#define EARLY_SEAL_EVENTS 16384u
#define EARLY_SEAL_SENDS  8u
/* And any chunk that is still open after so many commits. */
#define ALWAYS_SEAL_SENDS 256u

struct cairn_ledger *cairn_ledger_new(struct cairn_pipeline *pipeline, struct cairn_places *places)
{
    struct cairn_ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger) {
        return NULL;
    }
    ledger->pipeline = pipeline;
    ledger->places = places;
    ledger->space = cairn_live_space_new();
    if (!ledger->space) {
        free(ledger);
        return NULL;
    }
    ledger->buffer = cairn_queue_pop(&pipeline->buffers);
    return ledger;
}

static void process_release(struct cairn_ledger_process *process)
{
    cairn_live_map_free(process->live);
    cairn_ranges_free(process->ranges);
    process->live = NULL;
    process->ranges = NULL;
}

void cairn_ledger_free(struct cairn_ledger *ledger)
{
    for (size_t i = 0; i < ledger->process_count; i++) {
        if (ledger->processes[i]) {
            process_release(ledger->processes[i]);
            free(ledger->processes[i]);
        }
    }
    cairn_queue_push(&ledger->pipeline->buffers, ledger->buffer);
    cairn_live_space_free(ledger->space);
    cairn_table_release(&ledger->account_table);
    free(ledger->accounts);
    free(ledger->processes);
    free(ledger->custodians);
    free(ledger->ending);
    free(ledger->ending_us);
    free(ledger);
}

/* --- Accounts --- */

uint32_t cairn_ledger_account(struct cairn_ledger *ledger, uint32_t process, uint32_t thread, uint8_t domain,
                              uint32_t stack)
{
    if (!cairn_table_reserve(&ledger->account_table)) {
        return 0;
    }
    const uint64_t hash = cairn_table_hash((uint64_t)thread << 32 | stack, (uint64_t)process << 8 | domain);
    size_t cell;
    for (uint32_t at = cairn_table_first(&ledger->account_table, hash, &cell); at;
         at = cairn_table_next(&ledger->account_table, hash, &cell)) {
        const struct cairn_account_identity *known = &ledger->accounts[at - 1];
        if (known->thread == thread && known->stack == stack && known->process == process &&
            known->domain == domain) {
            return at;
        }
    }
    if (ledger->account_count >= CAIRN_LIVE_ACCOUNT_MAX) {
        return 0;
    }
    struct cairn_account_identity *accounts =
        cairn_grown(ledger->accounts, &ledger->account_capacity, ledger->account_count, sizeof *accounts);
    if (!accounts) {
        return 0;
    }
    ledger->accounts = accounts;
    accounts[ledger->account_count++] = (struct cairn_account_identity){
        .process = process, .thread = thread, .stack = stack, .domain = domain};
    cairn_table_add(&ledger->account_table, hash, cell, (uint32_t)ledger->account_count);
    return (uint32_t)ledger->account_count;
}

/* --- To the chunker --- */

static void push(struct cairn_ledger *ledger, struct cairn_message *message)
{
    cairn_queue_push(&ledger->pipeline->messages, message);
}

static void send_new_places(struct cairn_ledger *ledger)
{
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_ROWS, 0);
    struct cairn_batch *batch = cairn_batch_new();
    if (!message || !batch) {
        free(message);
        cairn_batch_free(batch);
        return; /* next time */
    }
    cairn_places_flush(ledger->places, batch);
    if (!batch->first) {
        free(message);
        cairn_batch_free(batch);
        return;
    }
    message->of.rows = batch;
    push(ledger, message);
}

static void send_new_accounts(struct cairn_ledger *ledger)
{
    const size_t count = ledger->account_count - ledger->accounts_sent;
    if (count == 0) {
        return;
    }
    struct cairn_account_identity *list = malloc(count * sizeof *list);
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_ACCOUNTS, 0);
    if (!list || !message) {
        free(list);
        free(message);
        ledger->failed = true; /* events name accounts that the chunker would not know */
        return;
    }
    memcpy(list, ledger->accounts + ledger->accounts_sent, count * sizeof *list);
    message->of.accounts.list = list;
    message->of.accounts.count = count;
    ledger->accounts_sent = ledger->account_count;
    push(ledger, message);
}

void cairn_ledger_send_new(struct cairn_ledger *ledger)
{
    send_new_places(ledger);
    send_new_accounts(ledger);
}

/* False when memory ran out: then nothing is sent any more. */
static bool send_events(struct cairn_ledger *ledger, bool sealed)
{
    cairn_ledger_send_new(ledger);
    struct cairn_message *message = NULL;
    if (!ledger->failed) {
        message =
            cairn_message_new(CAIRN_MESSAGE_EVENTS, (int64_t)(ledger->last_us * CAIRN_EVENT_TIME_UNIT_NS));
    }
    if (!message) {
        ledger->failed = true;
        return false;
    }
    message->of.events.buffer = ledger->buffer;
    message->of.events.count = ledger->count;
    message->of.events.sealed = sealed;
    push(ledger, message);
    ledger->sent = ledger->count;
    return true;
}

void cairn_ledger_seal(struct cairn_ledger *ledger)
{
    if (send_events(ledger, true)) {
        ledger->buffer = cairn_queue_pop(&ledger->pipeline->buffers);
    }
    ledger->count = 0;
    ledger->sent = 0;
    ledger->partial_sends = 0;
}

void cairn_ledger_send(struct cairn_ledger *ledger, bool may_seal)
{
    if (ledger->count == ledger->sent) {
        cairn_ledger_send_new(ledger);
        return;
    }
    ledger->partial_sends++;
    if (may_seal && ((ledger->count >= EARLY_SEAL_EVENTS && ledger->partial_sends >= EARLY_SEAL_SENDS) ||
                     ledger->partial_sends >= ALWAYS_SEAL_SENDS)) {
        cairn_ledger_seal(ledger);
        return;
    }
    send_events(ledger, false);
}

void cairn_ledger_post(struct cairn_ledger *ledger, struct cairn_message *message)
{
    if (message) {
        cairn_ledger_send(ledger, false);
        push(ledger, message);
    }
}

uint64_t cairn_ledger_position(const struct cairn_ledger *ledger)
{
    return ledger->next_event;
}

const struct cairn_ledger_counts *cairn_ledger_counts(const struct cairn_ledger *ledger)
{
    return &ledger->counts;
}

bool cairn_ledger_failed(const struct cairn_ledger *ledger)
{
    return ledger->failed;
}

size_t cairn_ledger_live_bytes_held(const struct cairn_ledger *ledger)
{
    return cairn_live_space_bytes(ledger->space);
}

/* --- Processes --- */

static bool register_process(struct cairn_ledger *ledger, struct cairn_ledger_process *process)
{
    while (ledger->process_count <= process->number) {
        struct cairn_ledger_process **processes =
            cairn_grown(ledger->processes, &ledger->process_capacity, ledger->process_count, sizeof(void *));
        if (processes) {
            ledger->processes = processes;
        }
        uint32_t *custodians = cairn_grown(ledger->custodians, &ledger->custodian_capacity,
                                           ledger->process_count, sizeof *custodians);
        if (custodians) {
            ledger->custodians = custodians;
        }
        if (!processes || !custodians) {
            return false;
        }
        custodians[ledger->process_count] = 0;
        processes[ledger->process_count++] = NULL;
    }
    ledger->processes[process->number] = process;
    ledger->custodians[process->number] = process->number;
    return true;
}

struct cairn_ledger_process *cairn_ledger_process_new(struct cairn_ledger *ledger, uint32_t number,
                                                      struct cairn_ledger_image *image)
{
    struct cairn_ledger_process *process = calloc(1, sizeof *process);
    if (!process) {
        return NULL;
    }
    process->number = number;
    process->live = cairn_live_map_new(ledger->space);
    process->ranges = cairn_ranges_new();
    if (!process->live || !process->ranges || !register_process(ledger, process)) {
        process_release(process);
        free(process);
        return NULL;
    }
    if (image) {
        cairn_ledger_inherit(ledger, process, image);
    }
    return process;
}

bool cairn_ledger_fork(struct cairn_ledger *ledger, struct cairn_ledger_process *parent,
                       struct cairn_ledger_image *image)
{
    (void)ledger;
    if (parent->ended) {
        return false;
    }
    *image = (struct cairn_ledger_image){
        .live = cairn_live_map_fork(parent->live),
        .program_break = parent->program_break,
        .traced_bytes = parent->traced_bytes,
        .parent = parent->number,
    };
    if (!image->live) {
        return false;
    }
    image->ranges = cairn_ranges_share(parent->ranges);
    return true;
}

void cairn_ledger_inherit(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                          struct cairn_ledger_image *image)
{
    (void)ledger;
    process_release(process);
    process->live = image->live;
    process->ranges = image->ranges;
    process->program_break = image->program_break;
    process->traced_bytes = image->traced_bytes;
    process->traced_peak_bytes = image->traced_bytes;
    process->lineage = image->parent;
    *image = (struct cairn_ledger_image){.live = NULL};
}

void cairn_ledger_image_free(struct cairn_ledger_image *image)
{
    cairn_live_map_free(image->live);
    cairn_ranges_free(image->ranges);
    *image = (struct cairn_ledger_image){.live = NULL};
}

void cairn_ledger_process_end(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                              uint64_t time_us)
{
    if (process->ended) {
        return;
    }
    process->ended = true;
    process_release(process);
    uint32_t *ending =
        cairn_grown(ledger->ending, &ledger->ending_capacity, ledger->ending_count, sizeof *ending);
    if (ending) {
        ledger->ending = ending;
    }
    uint64_t *us =
        cairn_grown(ledger->ending_us, &ledger->ending_us_capacity, ledger->ending_count, sizeof *us);
    if (us) {
        ledger->ending_us = us;
    }
    if (ending && us) { /* without memory its blocks stay in the sums: too high, never too low */
        ending[ledger->ending_count] = process->number;
        us[ledger->ending_count++] = time_us;
    }
}

struct adoption {
    struct cairn_ledger *ledger;
    struct cairn_ledger_process *heir;
    uint32_t from; /* who answered for the blocks until now */
    uint64_t time_us;
};

/* Makes the block the heir's own: the ADOPT event names the event that made it. */
static bool adopt(const struct adoption *adoption, uint64_t size, uint32_t *account, uint64_t *birth,
                  uint64_t *time_us)
{
    struct cairn_ledger *ledger = adoption->ledger;
    const struct cairn_account_identity old = ledger->accounts[*account - 1];
    if (old.process == adoption->heir->number || ledger->custodians[old.process] != adoption->from) {
        return false;
    }
    const uint32_t own =
        cairn_ledger_account(ledger, adoption->heir->number, adoption->heir->thread, old.domain, old.stack);
    if (own == 0) {
        return false;
    }
    struct cairn_event *event = cairn_ledger_event(ledger, adoption->time_us, 0);
    event->kind = CAIRN_EVENT_ADOPT;
    event->account = own;
    event->size = size;
    event->birth = *birth;
    *account = own;
    *birth = ledger->next_event - 1;
    *time_us = ledger->last_us & CAIRN_LIVE_TIME_MASK;
    return true;
}

static bool adopt_block(void *state, struct cairn_live_block *block)
{
    return adopt(state, block->size, &block->account, &block->birth, &block->time_us);
}

static bool adopt_range(void *state, struct cairn_range *range)
{
    /* A mapping in several pieces would need one birth for all of them: the pieces become mappings. */
    if (!adopt(state, range->end - range->start, &range->account, &range->birth, &range->time_us)) {
        return false;
    }
    range->split = false;
    return true;
}

/* Whether `process` was forked, directly or through others, from one whose blocks `custodian` answers for. */
static bool descends_from(const struct cairn_ledger *ledger, const struct cairn_ledger_process *process,
                          uint32_t custodian)
{
    for (uint64_t at = process->lineage; at;
         at = ledger->processes[at] ? ledger->processes[at]->lineage : 0) {
        if (ledger->custodians[at] == custodian) {
            return true;
        }
    }
    return false;
}

static struct cairn_ledger_process *find_heir(const struct cairn_ledger *ledger, uint32_t custodian)
{
    for (size_t i = 1; i < ledger->process_count; i++) {
        struct cairn_ledger_process *process = ledger->processes[i];
        if (process && !process->ended && process->thread && descends_from(ledger, process, custodian)) {
            return process;
        }
    }
    return NULL;
}

/* The blocks that `from` answered for become the heir's; `from` 0: blocks of processes that ended without an heir. */
static void hand_over(struct cairn_ledger *ledger, uint32_t from, struct cairn_ledger_process *heir,
                      uint64_t time_us)
{
    if (heir) {
        struct adoption adoption = {.ledger = ledger, .heir = heir, .from = from, .time_us = time_us};
        cairn_live_map_update(heir->live, adopt_block, &adoption);
        cairn_ranges_update(&heir->ranges, adopt_range, &adoption);
    }
    for (size_t i = 1; i < ledger->process_count; i++) {
        if (ledger->custodians[i] == from && ledger->processes[i]) {
            ledger->custodians[i] = heir ? heir->number : 0;
        }
    }
}

static void end_process(struct cairn_ledger *ledger, uint32_t number, uint64_t time_us)
{
    struct cairn_event *event = cairn_ledger_event(ledger, time_us, 0);
    event->kind = CAIRN_EVENT_END;
    event->account = number;
    hand_over(ledger, number, find_heir(ledger, number), time_us);
}

void cairn_ledger_flush_ends(struct cairn_ledger *ledger)
{
    const size_t count = ledger->ending_count;
    ledger->ending_count = 0; /* the events below must not come here again */
    for (size_t i = 0; i < count; i++) {
        end_process(ledger, ledger->ending[i], ledger->ending_us[i]);
    }
}

uint64_t cairn_ledger_waiting_end_us(const struct cairn_ledger *ledger)
{
    return ledger->ending_count ? ledger->ending_us[0] : UINT64_MAX;
}

void cairn_ledger_settle_ends(struct cairn_ledger *ledger, uint64_t time_us)
{
    if (cairn_ledger_waiting_end_us(ledger) <= time_us) {
        cairn_ledger_flush_ends(ledger);
    }
}

void cairn_ledger_first_thread(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                               uint32_t thread, uint64_t time_us)
{
    if (process->thread) {
        return;
    }
    if (ledger->ending_count) {
        cairn_ledger_flush_ends(ledger);
    }
    process->thread = thread;
    if (process->lineage && descends_from(ledger, process, 0)) {
        hand_over(ledger, 0, process, time_us);
    }
}
