/* Address space that a process mapped itself: mmap, munmap, mremap, brk. */
#include "collector/ledger_internal.h"

struct cutting {
    struct cairn_ledger *ledger;
    const struct cairn_ledger_process *process;
    uint64_t time_us;
};

/* Part or all of a mapping went. */
static void book_cut(void *state, const struct cairn_range_cut *cut)
{
    const struct cutting *cutting = state;
    struct cairn_ledger *ledger = cutting->ledger;
    if (cairn_ledger_is_inherited(ledger, cutting->process, cut->of.account)) {
        return;
    }
    const uint8_t lifetime = cairn_ledger_lifetime(ledger, cut->of.time_us, cutting->time_us);
    struct cairn_event *event = cairn_ledger_event(ledger, cutting->time_us, lifetime);
    event->kind = cut->last ? CAIRN_EVENT_FREE : CAIRN_EVENT_SHRINK;
    event->account = cut->of.account;
    event->size = cut->bytes;
    event->birth = cut->of.birth;
}

static void cut_away(struct cairn_ledger *ledger, struct cairn_ledger_process *process, uint64_t time_us,
                     uint64_t start, uint64_t end)
{
    if (ledger->ending_count) {
        cairn_ledger_flush_ends(ledger); /* may change these very ranges, so not while they are being cut */
    }
    struct cutting cutting = {.ledger = ledger, .process = process, .time_us = time_us};
    if (!cairn_ranges_cut(&process->ranges, start, end, book_cut, &cutting)) {
        ledger->counts.unstored++;
    }
}

static void add_mapping(struct cairn_ledger *ledger, struct cairn_ledger_process *process, uint64_t time_us,
                        uint32_t account, uint64_t start, uint64_t end)
{
    if (ledger->ending_count) {
        cairn_ledger_flush_ends(ledger);
    }
    const struct cairn_range range = {.start = start,
                                      .end = end,
                                      .birth = ledger->next_event,
                                      .time_us = (time_us > ledger->last_us ? time_us : ledger->last_us) &
                                                 CAIRN_LIVE_TIME_MASK,
                                      .account = account};
    if (account == 0 || !cairn_ranges_add(&process->ranges, &range)) {
        ledger->counts.unstored++;
        return;
    }
    struct cairn_event *event = cairn_ledger_event(ledger, time_us, 0);
    event->kind = CAIRN_EVENT_ALLOC;
    event->account = account;
    event->size = end - start;
}

/* Whether the numbers are a range of user space at all. */
static bool is_range(uint64_t start, uint64_t length)
{
    return length != 0 && start <= CAIRN_WIRE_ADDRESS_MASK && length <= CAIRN_WIRE_ADDRESS_MASK - start;
}

/* The kernel maps whole pages. */
static uint64_t page_end(uint64_t start, uint64_t length)
{
    return start + ((length + 4095) & ~4095ull);
}

void cairn_ledger_map(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                      struct cairn_ledger_time when, uint32_t account, uint64_t start, uint64_t length)
{
    if (is_range(start, length)) {
        const uint64_t end = page_end(start, length);
        cut_away(ledger, process, when.us, start, end);
        add_mapping(ledger, process, when.us, account, start, end);
    }
}

void cairn_ledger_unmap(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_ledger_time when, uint64_t start, uint64_t length)
{
    if (is_range(start, length)) {
        cut_away(ledger, process, when.us, start, page_end(start, length));
    }
}

static void forget_cut(void *state, const struct cairn_range_cut *cut)
{
    (void)state;
    (void)cut;
}

/* A whole mapping moved or changed its size: one event, as for a realloc. */
static bool remap_whole(struct cairn_ledger *ledger, struct cairn_ledger_process *process, uint64_t time_us,
                        uint32_t account, uint64_t old_start, uint64_t old_end, uint64_t new_start,
                        uint64_t new_end)
{
    const struct cairn_range *exact = cairn_ranges_exact(process->ranges, old_start, old_end);
    if (!exact || account == 0 || cairn_ledger_is_inherited(ledger, process, exact->account)) {
        return false;
    }
    const struct cairn_range old = *exact;
    if (!cairn_ranges_cut(&process->ranges, old_start, old_end, forget_cut, NULL)) {
        return false;
    }
    cut_away(ledger, process, time_us, new_start, new_end);
    if (ledger->ending_count) {
        cairn_ledger_flush_ends(ledger);
    }
    const struct cairn_range range = {.start = new_start,
                                      .end = new_end,
                                      .birth = ledger->next_event,
                                      .time_us = time_us & CAIRN_LIVE_TIME_MASK,
                                      .account = account};
    const uint8_t lifetime = cairn_ledger_lifetime(ledger, old.time_us, time_us);
    struct cairn_event *event = cairn_ledger_event(ledger, time_us, lifetime);
    event->birth = old.birth;
    if (!cairn_ranges_add(&process->ranges, &range)) {
        ledger->counts.unstored++;
        event->kind = CAIRN_EVENT_FREE;
        event->account = old.account;
        event->size = old_end - old_start;
        return true;
    }
    event->kind = CAIRN_EVENT_REALLOC;
    event->account = account;
    event->size = new_end - new_start;
    event->old_account = old.account;
    event->old_size = old_end - old_start;
    return true;
}

void cairn_ledger_remap(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_ledger_time when, uint32_t account, uint64_t old_start,
                        uint64_t old_length, uint64_t new_start, uint64_t new_length)
{
    if (!is_range(new_start, new_length) || (old_length && !is_range(old_start, old_length))) {
        return;
    }
    const uint64_t old_end = page_end(old_start, old_length);
    const uint64_t new_end = page_end(new_start, new_length);
    if (old_start == new_start && new_end <= old_end) {
        cut_away(ledger, process, when.us, new_end, old_end);
        return;
    }
    if (old_length &&
        remap_whole(ledger, process, when.us, account, old_start, old_end, new_start, new_end)) {
        return;
    }
    cut_away(ledger, process, when.us, old_start, old_end);
    cut_away(ledger, process, when.us, new_start, new_end);
    add_mapping(ledger, process, when.us, account, new_start, new_end);
}

void cairn_ledger_break(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_ledger_time when, uint32_t account, uint64_t new_break)
{
    const uint64_t old_break = process->program_break;
    process->program_break = new_break;
    if (old_break == 0 || new_break > CAIRN_WIRE_ADDRESS_MASK) {
        return;
    }
    if (new_break > old_break) {
        add_mapping(ledger, process, when.us, account, old_break, new_break);
    } else if (new_break < old_break) {
        cut_away(ledger, process, when.us, new_break, old_break);
    }
}
