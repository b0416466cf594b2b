/* bench_make_trace EVENTS FILE [ACCOUNTS [LONG]]: a synthetic trace, so that reading can be measured at any size.
 *
 * A program with phases: in each one a few hundred call stacks are busy. Most blocks die soon after their birth, some
 * after thousands of events, LONG % of them (3) live for a large part of the run. 40 makes it a cache server, whose frees
 * are of old blocks. One process, one thread. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "random_events.h"

#define PHASE_EVENTS   300000u
#define PHASE_STACKS   300u
#define FUNCTIONS      3000u
#define SHORT_BLOCKS   24u
#define MEDIUM_BLOCKS  6000u
#define LONG_BLOCKS    200000u
#define MEDIUM_PERCENT 13u
#define STACK_DEPTH    24u
#define NS_PER_EVENT   150

struct pool {
    struct model_block *blocks;
    size_t count, most;
};

struct run {
    struct trace_maker maker;
    uint64_t seed, t_ns;
    uint32_t accounts;
    uint32_t long_percent;
    uint32_t *busy; /* accounts of this phase */
    struct pool pools[3];
};

static void name_frames(struct run *run, uint32_t *stacks)
{
    struct cairn_writer *writer = run->maker.writer;
    char text[64];
    cairn_writer_module(writer,
                        &(struct cairn_module){.module = 1, .path = "/usr/bin/program", .symbols = "debug"});
    for (uint32_t i = 1; i <= FUNCTIONS; i++) {
        if (i % 10 == 1) {
            snprintf(text, sizeof(text), "/src/program/part%u.c", i / 10);
            cairn_writer_source_file(writer, &(struct cairn_source_file){.file = i / 10 + 1, .path = text});
        }
        snprintf(text, sizeof(text), "program::part%u::function_%u(int)", i / 10, i);
        cairn_writer_function(writer, &(struct cairn_function){.function = i, .name = text});
        cairn_writer_frame(writer, &(struct cairn_frame){.frame = i,
                                                         .function = i,
                                                         .file = (i - 1) / 10 + 1,
                                                         .line = 10 + i % 90,
                                                         .module = 1,
                                                         .offset = 0x1000 + 32 * (int64_t)i});
    }
    uint32_t stack = 0;
    for (uint32_t i = 0; i < run->accounts; i++) {
        /* Each path leaves the one before somewhere and goes on alone. */
        uint32_t parent = i == 0 ? 0 : stacks[random_below(&run->seed, i)];
        const uint32_t depth = i == 0 ? STACK_DEPTH : 1 + (uint32_t)random_below(&run->seed, STACK_DEPTH / 3);
        for (uint32_t k = 0; k < depth; k++) {
            const uint32_t frame = 1 + (uint32_t)random_below(&run->seed, FUNCTIONS);
            cairn_writer_stack(writer,
                               &(struct cairn_stack_row){
                                   .stack = ++stack, .parent = parent, .frame = frame, .depth = k + 1});
            parent = stack;
        }
        stacks[i] = stack;
        maker_account(&run->maker, 1, 0, stack, 1 + (uint32_t)random_below(&run->seed, FUNCTIONS));
    }
}

static void start_phase(struct run *run)
{
    for (uint32_t i = 0; i < PHASE_STACKS; i++) {
        run->busy[i] = 1 + (uint32_t)random_below(&run->seed, run->accounts);
    }
}

/* The first ones are chosen most often. */
static uint32_t choose_account(struct run *run)
{
    const uint64_t first = random_below(&run->seed, PHASE_STACKS),
                   second = random_below(&run->seed, PHASE_STACKS);
    return run->busy[first * second / PHASE_STACKS];
}

static void emit(struct run *run, struct cairn_event event)
{
    run->t_ns += NS_PER_EVENT + random_below(&run->seed, 64);
    event.t_ns = run->t_ns;
    maker_event(&run->maker, &event);
}

static void allocate(struct run *run)
{
    const uint32_t account = choose_account(run);
    const uint64_t dice = random_below(&run->seed, 100);
    struct pool *pool = &run->pools[dice < run->long_percent                    ? 2
                                    : dice < run->long_percent + MEDIUM_PERCENT ? 1
                                                                                : 0];
    const uint64_t size = 16 + account * 8 % 480 + (account % 3 == 0 ? random_below(&run->seed, 64) : 0);
    pool->blocks[pool->count++] =
        (struct model_block){.birth = maker_next(&run->maker), .size = size, .account = account};
    emit(run, (struct cairn_event){.kind = CAIRN_EVENT_ALLOC, .account = account, .size = size});
}

static void end_block(struct run *run, struct pool *pool, size_t index)
{
    struct model_block *block = &pool->blocks[index];
    struct cairn_event event = {
        .kind = CAIRN_EVENT_FREE, .birth = block->birth, .account = block->account, .size = block->size};
    if (random_below(&run->seed, 40) == 0) {
        event.kind = CAIRN_EVENT_REALLOC;
        event.old_account = block->account;
        event.old_size = block->size;
        event.size = block->size * 2 % 100000;
        block->size = event.size;
        block->birth = maker_next(&run->maker);
        emit(run, event);
        return;
    }
    event.flags = pool == &run->pools[0] && random_below(&run->seed, 3) == 0 ? CAIRN_EVENT_TEMPORARY : 0;
    *block = pool->blocks[--pool->count];
    emit(run, event);
}

static void step(struct run *run)
{
    for (size_t i = 0; i < 3; i++) {
        struct pool *pool = &run->pools[i];
        if (pool->count > 0 &&
            (pool->count + 1 >= pool->most || (i == 0 && random_below(&run->seed, 2) == 0))) {
            const size_t back = i == 0 ? random_below(&run->seed, pool->count < 4 ? pool->count : 4)
                                       : random_below(&run->seed, pool->count);
            end_block(run, pool, pool->count - 1 - back);
            return;
        }
    }
    allocate(run);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {SHORT_BLOCKS, MEDIUM_BLOCKS, LONG_BLOCKS};
    struct run run = {
        .seed = 1,
        .accounts = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 6000,
        .long_percent = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 3,
    };
    if (argc < 3 || run.accounts == 0) {
        fprintf(stderr, "usage: %s EVENTS FILE [ACCOUNTS [LONG]]\n", argv[0]);
        return 2;
    }
    const uint64_t events = strtoull(argv[1], NULL, 10);
    uint32_t *stacks = calloc(run.accounts, sizeof(*stacks));
    run.busy = calloc(PHASE_STACKS, sizeof(*run.busy));
    for (size_t i = 0; i < 3; i++) {
        run.pools[i] =
            (struct pool){.most = sizes[i], .blocks = calloc(sizes[i] + 1, sizeof(struct model_block))};
    }
    maker_open(&run.maker, argv[2], CAIRN_CHUNK_EVENTS, CAIRN_KEYFRAME_CHUNKS);
    maker_process(&run.maker, 0);
    name_frames(&run, stacks);
    while (maker_next(&run.maker) < events) {
        if (maker_next(&run.maker) % PHASE_EVENTS == 0 || run.busy[0] == 0) {
            start_phase(&run);
        }
        step(&run);
        if (maker_next(&run.maker) % (16 * CAIRN_CHUNK_EVENTS) == 0) {
            maker_commit(&run.maker);
            cairn_writer_checkpoint(run.maker.writer);
        }
    }
    maker_close(&run.maker);
    for (size_t i = 0; i < 3; i++) {
        free(run.pools[i].blocks);
    }
    free(run.busy);
    free(stacks);
    return 0;
}
