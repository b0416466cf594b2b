#include "random_events.h"

#include <stdlib.h>
#include <string.h>

uint64_t random_next(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = *seed;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uint64_t random_below(uint64_t *seed, uint64_t limit)
{
    return random_next(seed) % limit;
}

void model_init(struct model *model, const struct random_events *stream)
{
    *model = (struct model){.stream = stream};
}

void model_release(struct model *model)
{
    free(model->blocks);
}

static void add_block(struct model *model, struct model_block block)
{
    if (model->block_count == model->block_capacity) {
        model->block_capacity = model->block_capacity ? model->block_capacity * 2 : 64;
        model->blocks = realloc(model->blocks, model->block_capacity * sizeof(*model->blocks));
        if (!model->blocks) {
            abort();
        }
    }
    model->blocks[model->block_count++] = block;
    model->totals[block.account - 1].live_bytes += (int64_t)block.size;
    model->totals[block.account - 1].live_blocks++;
}

static void remove_block(struct model *model, size_t index)
{
    const struct model_block *block = &model->blocks[index];
    model->totals[block->account - 1].live_bytes -= (int64_t)block->size;
    model->totals[block->account - 1].live_blocks--;
    model->blocks[index] = model->blocks[--model->block_count];
}

static size_t find_block(const struct model *model, uint64_t birth)
{
    for (size_t i = 0; i < model->block_count; i++) {
        if (model->blocks[i].birth == birth) {
            return i;
        }
    }
    abort();
}

void model_apply(struct model *model, uint64_t ordinal)
{
    const struct cairn_event *event = &model->stream->events[ordinal];
    struct cairn_totals *totals = event->kind == CAIRN_EVENT_END ? NULL : &model->totals[event->account - 1];
    size_t index;
    switch (event->kind) {
    case CAIRN_EVENT_END:
        for (size_t i = model->block_count; i > 0; i--) {
            if (model->stream->account_process[model->blocks[i - 1].account - 1] == event->account) {
                remove_block(model, i - 1);
            }
        }
        return;
    case CAIRN_EVENT_SHRINK:
        index = find_block(model, event->birth);
        model->blocks[index].size -= event->size;
        totals->live_bytes -= (int64_t)event->size;
        return;
    case CAIRN_EVENT_ADOPT:
        /* The parent's block is gone with the parent; its origin was kept beside the event. */
        add_block(model, (struct model_block){.birth = ordinal,
                                              .origin = event->old_size,
                                              .size = event->size,
                                              .account = event->account});
        return;
    case CAIRN_EVENT_REALLOC:
        index = find_block(model, event->birth);
        model->totals[event->old_account - 1].temporary += event->flags & CAIRN_EVENT_TEMPORARY ? 1 : 0;
        remove_block(model, index);
        totals->reallocs++;
        break;
    case CAIRN_EVENT_ALLOC:
        totals->reallocs += event->flags & CAIRN_EVENT_BY_REALLOC ? 1 : 0;
        break;
    default:
        totals->temporary += event->flags & CAIRN_EVENT_TEMPORARY ? 1 : 0;
        remove_block(model, find_block(model, event->birth));
        return;
    }
    totals->allocations++;
    totals->allocated_bytes += (int64_t)event->size;
    add_block(model,
              (struct model_block){
                  .birth = ordinal, .origin = ordinal, .size = event->size, .account = event->account});
}

int64_t model_heap(const struct model *model, uint32_t process)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < model->stream->accounts; i++) {
        if (model->stream->account_domain[i] <= CAIRN_DOMAIN_LAST_HEAP &&
            (process == 0 || model->stream->account_process[i] == process)) {
            sum += model->totals[i].live_bytes;
        }
    }
    return sum;
}

/* The making of a stream. */
struct making {
    struct random_events *stream;
    struct model model;
    uint64_t seed, t_ns;
    size_t capacity;
    uint32_t parent[8]; /* by process − 1; UINT32_MAX: ended */
};

static void emit(struct making *making, struct cairn_event event)
{
    struct random_events *stream = making->stream;
    switch (random_below(&making->seed, 8)) {
    case 0:
        making->t_ns += 1000 * random_below(&making->seed, 40);
        break;
    case 1:
        making->t_ns += random_below(&making->seed, 200) == 0 ? UINT64_C(3000000000) : 1000;
        break;
    default:
        break;
    }
    event.t_ns = making->t_ns;
    stream->events[stream->count] = event;
    model_apply(&making->model, stream->count++);
}

static uint32_t random_account(struct making *making)
{
    for (;;) {
        const uint32_t account = (uint32_t)random_below(&making->seed, making->stream->accounts) + 1;
        if (making->parent[making->stream->account_process[account - 1] - 1] != UINT32_MAX) {
            return account;
        }
    }
}

static uint64_t random_size(struct making *making)
{
    const uint64_t size = random_below(&making->seed, 4000);
    return size < 100 ? 0 : size < 150 ? size << 30 : size;
}

static const struct model_block *random_block(struct making *making)
{
    const size_t count = making->model.block_count;
    if (count == 0) {
        return NULL;
    }
    const bool near = random_below(&making->seed, 3) != 0;
    return &making->model.blocks[near && count > 4 ? count - 1 - random_below(&making->seed, 4)
                                                   : random_below(&making->seed, count)];
}

static void emit_end(struct making *making, uint8_t kind)
{
    const struct model_block *block = random_block(making);
    if (!block) {
        return;
    }
    const uint8_t temporary = random_below(&making->seed, 5) == 0 ? CAIRN_EVENT_TEMPORARY : 0;
    struct cairn_event event = {
        .kind = kind, .birth = block->birth, .account = block->account, .size = block->size};
    if (kind == CAIRN_EVENT_REALLOC) {
        event.old_account = block->account;
        event.old_size = block->size;
        event.account = random_account(making);
        event.size = random_size(making);
    } else if (kind == CAIRN_EVENT_SHRINK) {
        event.size = block->size / 2;
    }
    event.flags = kind == CAIRN_EVENT_SHRINK || kind == CAIRN_EVENT_LOST ? 0 : temporary;
    emit(making, event);
}

static uint32_t random_account_of(struct making *making, uint32_t process)
{
    uint32_t account;
    do {
        account = (uint32_t)random_below(&making->seed, making->stream->accounts) + 1;
    } while (making->stream->account_process[account - 1] != process);
    return account;
}

/* A process ends; its children adopt some of what it leaves. */
static void emit_process_end(struct making *making)
{
    const uint32_t process = (uint32_t)random_below(&making->seed, making->stream->processes) + 1;
    uint32_t living = 0;
    for (uint32_t i = 0; i < making->stream->processes; i++) {
        living += making->parent[i] != UINT32_MAX;
    }
    if (living < 2 || making->parent[process - 1] == UINT32_MAX) {
        return;
    }
    const size_t left_count = making->model.block_count;
    struct model_block *left = malloc((left_count + 1) * sizeof(*left));
    if (!left) {
        abort();
    }
    if (left_count > 0) {
        memcpy(left, making->model.blocks, left_count * sizeof(*left));
    }
    emit(making, (struct cairn_event){.kind = CAIRN_EVENT_END, .account = process});
    making->parent[process - 1] = UINT32_MAX;
    for (uint32_t child = 1; child <= making->stream->processes; child++) {
        for (size_t i = 0; making->parent[child - 1] == process && i < left_count && i < 200; i++) {
            if (making->stream->account_process[left[i].account - 1] == process &&
                random_below(&making->seed, 2) == 0) {
                emit(making, (struct cairn_event){.kind = CAIRN_EVENT_ADOPT,
                                                  .birth = left[i].birth,
                                                  .size = left[i].size,
                                                  .old_size = left[i].origin,
                                                  .account = random_account_of(making, child)});
            }
        }
    }
    free(left);
}

void random_events_make(struct random_events *stream, uint64_t seed, size_t count)
{
    struct making making = {.stream = stream, .seed = seed};
    *stream = (struct random_events){.processes = 1 + (uint32_t)random_below(&making.seed, 6)};
    stream->events = malloc((count + 4096) * sizeof(*stream->events));
    if (!stream->events) {
        abort();
    }
    stream->accounts = stream->processes + 1 + (uint32_t)random_below(&making.seed, 60);
    for (uint32_t i = 0; i < stream->accounts; i++) {
        stream->account_process[i] =
            i < stream->processes ? i + 1 : (uint32_t)random_below(&making.seed, stream->processes) + 1;
        stream->account_domain[i] = random_below(&making.seed, 5) == 0 ? CAIRN_DOMAIN_FIRST_MAPPED : 0;
    }
    for (uint32_t i = 1; i < stream->processes; i++) {
        making.parent[i] = (uint32_t)random_below(&making.seed, i) + 1;
    }
    model_init(&making.model, stream);
    while (stream->count < count) {
        const uint64_t dice = random_below(&making.seed, 2000);
        if (dice < 950 || making.model.block_count == 0) {
            struct cairn_event event = {.kind = CAIRN_EVENT_ALLOC, .account = random_account(&making)};
            event.size = random_size(&making);
            event.flags = event.size % 8 == 3 ? CAIRN_EVENT_BY_REALLOC : 0;
            emit(&making, event);
        } else if (dice < 1700) {
            emit_end(&making, CAIRN_EVENT_FREE);
        } else if (dice < 1900) {
            emit_end(&making, CAIRN_EVENT_REALLOC);
        } else if (dice < 1950) {
            emit_end(&making, CAIRN_EVENT_SHRINK);
        } else if (dice < 1998) {
            emit_end(&making, CAIRN_EVENT_LOST);
        } else {
            emit_process_end(&making);
        }
    }
    model_release(&making.model);
}

void random_events_free(struct random_events *stream)
{
    free(stream->events);
}

void random_events_record(const struct random_events *stream, struct trace_maker *maker)
{
    for (uint32_t i = 0; i < stream->processes; i++) {
        maker_process(maker, i == 0 ? 0 : 1);
    }
    for (uint32_t i = 0; i < stream->accounts; i++) {
        maker_account(maker, stream->account_process[i], stream->account_domain[i], 0, 0);
    }
    for (size_t i = 0; i < stream->count; i++) {
        struct cairn_event event = stream->events[i];
        event.old_size = event.kind == CAIRN_EVENT_ADOPT ? 0 : event.old_size;
        maker_event(maker, &event);
    }
}
