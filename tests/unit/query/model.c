#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/weight.h"

struct model {
    const struct fixture *fixture;
    struct cairn_totals *totals;
};

static void end_process(struct model *model, uint32_t process)
{
    for (size_t i = 0; i < model->fixture->account_count; i++) {
        if (model->fixture->accounts[i].process == process) {
            model->totals[i].live_bytes = 0;
            model->totals[i].live_blocks = 0;
            model->totals[i].live_variance = 0;
        }
    }
}

/* What a block counts for. */
static struct cairn_weight weigh(const struct fixture *fixture, uint32_t account, uint64_t size,
                                 uint64_t birth)
{
    return cairn_weigh_in(fixture->options.sample_bytes, fixture->accounts[account - 1].domain, size, birth);
}

static void add_live(struct cairn_totals *totals, const struct cairn_weight *weight, int sign)
{
    totals->live_bytes += sign * weight->bytes;
    totals->live_blocks += sign * weight->blocks;
    totals->live_variance += sign * weight->variance;
}

static void end_block(struct model *model, uint32_t account, uint64_t size, const struct cairn_event *event)
{
    const struct cairn_weight weight = weigh(model->fixture, account, size, event->birth);
    add_live(&model->totals[account - 1], &weight, -1);
    model->totals[account - 1].temporary += event->flags & CAIRN_EVENT_TEMPORARY ? weight.blocks : 0;
}

static void make_block(struct model *model, uint64_t ordinal, const struct cairn_event *event)
{
    struct cairn_totals *totals = &model->totals[event->account - 1];
    const struct cairn_weight weight = weigh(model->fixture, event->account, event->size, ordinal);
    add_live(totals, &weight, 1);
    if (event->kind != CAIRN_EVENT_ADOPT) {
        totals->allocated_bytes += weight.bytes;
        totals->allocations += weight.blocks;
        totals->allocated_variance += weight.variance;
    }
    totals->reallocs += event->kind == CAIRN_EVENT_REALLOC ? weight.blocks : 0;
}

static void apply(struct model *model, uint64_t ordinal)
{
    const struct cairn_event *event = &model->fixture->events[ordinal];
    switch ((enum cairn_event_kind)event->kind) {
    case CAIRN_EVENT_END:
        end_process(model, event->account);
        break;
    case CAIRN_EVENT_REALLOC:
        end_block(model, event->old_account, event->old_size, event);
        make_block(model, ordinal, event);
        break;
    case CAIRN_EVENT_ALLOC:
    case CAIRN_EVENT_ADOPT:
        make_block(model, ordinal, event);
        break;
    default:
        end_block(model, event->account, event->size, event);
        break;
    }
}

static struct cairn_totals *new_totals(const struct fixture *fixture)
{
    struct cairn_totals *totals = calloc(fixture->account_count + 1, sizeof(*totals));
    assert_non_null(totals);
    return totals;
}

struct cairn_totals *model_state(const struct fixture *fixture, uint64_t position)
{
    struct model model = {.fixture = fixture, .totals = new_totals(fixture)};
    for (uint64_t i = 0; i < position; i++) {
        apply(&model, i);
    }
    return model.totals;
}

/* Whether the block that event `birth` made is alive after `position` events, END of its process apart or not. */
static bool alive(const struct fixture *fixture, uint64_t birth, uint64_t position, bool beyond_end)
{
    const uint32_t process = fixture->accounts[fixture->events[birth].account - 1].process;
    for (uint64_t i = birth + 1; i < position; i++) {
        const struct cairn_event *event = &fixture->events[i];
        const bool frees = event->kind == CAIRN_EVENT_FREE || event->kind == CAIRN_EVENT_LOST ||
                           event->kind == CAIRN_EVENT_REALLOC;
        if ((frees && event->birth == birth) ||
            (!beyond_end && event->kind == CAIRN_EVENT_END && event->account == process)) {
            return false;
        }
    }
    return true;
}

static bool makes(const struct cairn_event *event)
{
    return event->kind == CAIRN_EVENT_ALLOC || event->kind == CAIRN_EVENT_REALLOC ||
           event->kind == CAIRN_EVENT_ADOPT;
}

/* The event that first made a block. */
static uint64_t origin_of(const struct fixture *fixture, uint64_t birth)
{
    while (fixture->events[birth].kind == CAIRN_EVENT_ADOPT) {
        birth = fixture->events[birth].birth;
    }
    return birth;
}

struct cairn_totals *model_survived(const struct fixture *fixture, uint64_t a, uint64_t b)
{
    struct cairn_totals *totals = new_totals(fixture);
    for (uint64_t i = a; i < b; i++) {
        const struct cairn_event *event = &fixture->events[i];
        if (makes(event) && origin_of(fixture, i) >= a && alive(fixture, i, b, false)) {
            const struct cairn_weight weight = weigh(fixture, event->account, event->size, i);
            totals[event->account - 1].live_bytes += weight.bytes;
            totals[event->account - 1].live_blocks += weight.blocks;
        }
    }
    return totals;
}

struct cairn_totals *model_end(const struct fixture *fixture)
{
    struct cairn_totals *totals = new_totals(fixture);
    for (uint64_t i = 0; i < fixture->event_count; i++) {
        const struct cairn_event *event = &fixture->events[i];
        if (makes(event) && alive(fixture, i, fixture->event_count, true)) {
            const struct cairn_weight weight = weigh(fixture, event->account, event->size, i);
            totals[event->account - 1].live_bytes += weight.bytes;
            totals[event->account - 1].live_blocks += weight.blocks;
        }
    }
    return totals;
}

uint64_t model_peak(const struct fixture *fixture, uint32_t process, uint64_t from, uint64_t to)
{
    struct model model = {.fixture = fixture, .totals = new_totals(fixture)};
    uint64_t best = from;
    int64_t best_bytes = INT64_MIN;
    for (uint64_t i = 0; i <= to; i++) {
        int64_t heap = 0;
        for (size_t k = 0; k < fixture->account_count; k++) {
            const struct cairn_account *account = &fixture->accounts[k];
            heap += account->domain <= CAIRN_DOMAIN_LAST_HEAP && (process == 0 || account->process == process)
                        ? model.totals[k].live_bytes
                        : 0;
        }
        if (i >= from && heap > best_bytes) {
            best_bytes = heap;
            best = i;
        }
        if (i < to) {
            apply(&model, i);
        }
    }
    free(model.totals);
    return best;
}

uint64_t model_position(const struct fixture *fixture, int64_t t_ns)
{
    uint64_t position = 0;
    while (position < fixture->event_count && (int64_t)fixture->events[position].t_ns <= t_ns) {
        position++;
    }
    return position;
}

uint64_t model_end_position(const struct fixture *fixture)
{
    uint64_t position = fixture->event_count;
    while (position > 0 && fixture->events[position - 1].kind == CAIRN_EVENT_END) {
        position--;
    }
    return position;
}

uint64_t model_oldest(const struct fixture *fixture, uint32_t account, uint64_t cutoff, int64_t *bytes,
                      int64_t *blocks)
{
    uint64_t oldest = UINT64_MAX;
    *bytes = *blocks = 0;
    for (uint64_t i = 0; i < fixture->event_count; i++) {
        const struct cairn_event *event = &fixture->events[i];
        if (makes(event) && event->account == account && alive(fixture, i, fixture->event_count, true)) {
            const uint64_t origin = origin_of(fixture, i);
            oldest = origin < oldest ? origin : oldest;
            if (origin < cutoff) {
                const struct cairn_weight weight = weigh(fixture, event->account, event->size, i);
                *bytes += weight.bytes;
                *blocks += weight.blocks;
            }
        }
    }
    return oldest;
}
