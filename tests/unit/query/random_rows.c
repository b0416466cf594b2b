#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_trace.h"

uint32_t fixture_random(struct fixture *fixture, uint32_t limit)
{
    /* xorshift64* (Vigna 2016). */
    uint64_t x = fixture->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    fixture->random = x;
    return (uint32_t)((x * 0x2545f4914f6cdd1dull) >> 33) % limit;
}

static const char *const module_paths[] = {"/usr/bin/prog", "/usr/lib/libwork.so.1",
                                           "/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/python3.11"};
static const char *const file_paths[] = {"/src/main.c", "/src/parse/util.c", "/src/cache/util.c",
                                         "/app/cache.py", "/app/api.py"};

/* Names, with two static functions of one name, wrappers that the built-in rule passes over, and a template. */
static const struct {
    const char *name;
    uint32_t file, module;
    enum cairn_lang lang;
} function_rows[] = {
    {"main", 1, 1, CAIRN_LANG_NATIVE},
    {"helper", 2, 1, CAIRN_LANG_NATIVE},
    {"helper", 3, 1, CAIRN_LANG_NATIVE},
    {"helper", 2, 2, CAIRN_LANG_NATIVE},
    {"parse_line", 2, 1, CAIRN_LANG_NATIVE},
    {"load_index", 3, 2, CAIRN_LANG_NATIVE},
    {"xmalloc", 2, 1, CAIRN_LANG_NATIVE},
    {"std::vector<int, std::allocator<int> >::push_back(int const&)", 1, 1, CAIRN_LANG_NATIVE},
    {"grow<int>", 1, 1, CAIRN_LANG_NATIVE},
    {"grow<char>", 1, 1, CAIRN_LANG_NATIVE},
    {"Cache.put", 4, 0, CAIRN_LANG_PYTHON},
    {"Cache.get", 4, 0, CAIRN_LANG_PYTHON},
    {"handle", 5, 0, CAIRN_LANG_PYTHON},
    {"nofile", 0, 2, CAIRN_LANG_NATIVE},
};
#define FUNCTION_ROWS (sizeof(function_rows) / sizeof(function_rows[0]))

static uint32_t add_frame(struct fixture *fixture, uint32_t row, int64_t line)
{
    const uint32_t number = (uint32_t)++fixture->frame_count;
    assert_true(fixture->frame_count <= sizeof(fixture->frames) / sizeof(fixture->frames[0]));
    fixture->frames[number - 1] = (struct cairn_frame){
        .frame = number,
        .function = row + 1,
        .file = function_rows[row].file,
        .module = function_rows[row].module,
        .line = function_rows[row].file ? line + (fixture->options.lines_moved ? 3 : 0) : CAIRN_UNKNOWN,
        .offset = function_rows[row].lang == CAIRN_LANG_PYTHON ? CAIRN_UNKNOWN : 0x1000 + number * 16,
        .lang = (int)function_rows[row].lang,
    };
    return number;
}

void fixture_make_code(struct fixture *fixture)
{
    for (size_t i = 0; i < sizeof(module_paths) / sizeof(module_paths[0]); i++) {
        fixture->modules[fixture->module_count++] =
            (struct cairn_module){.module = (uint32_t)i + 1, .path = module_paths[i]};
    }
    for (size_t i = 0; i < sizeof(file_paths) / sizeof(file_paths[0]); i++) {
        fixture->files[fixture->file_count++] =
            (struct cairn_source_file){.file = (uint32_t)i + 1, .path = file_paths[i]};
    }
    for (uint32_t i = 0; i < FUNCTION_ROWS; i++) {
        fixture->functions[fixture->function_count++] = (struct cairn_function){
            .function = i + 1, .name = function_rows[i].name, .lang = (int)function_rows[i].lang};
        const uint32_t frames = 1 + fixture_random(fixture, 3);
        for (uint32_t k = 0; k < frames; k++) {
            add_frame(fixture, i, 10 + (int64_t)i * 20 + k * 4);
        }
    }
    /* Code without names, an inlined function, and the mark of a cut stack. */
    for (int i = 0; i < 2; i++) {
        const uint32_t number = (uint32_t)++fixture->frame_count;
        fixture->frames[number - 1] = (struct cairn_frame){
            .frame = number, .module = 2, .line = CAIRN_UNKNOWN, .offset = 0x4000 + i * 32};
    }
    const uint32_t inlined = add_frame(fixture, 4, 91);
    fixture->frames[inlined - 1].inlined_into = 1;
    const uint32_t cut = (uint32_t)++fixture->frame_count;
    fixture->frames[cut - 1] = (struct cairn_frame){
        .frame = cut, .line = CAIRN_UNKNOWN, .offset = CAIRN_UNKNOWN, .kind = CAIRN_FRAME_TRUNCATED};
}

static bool is_python(const struct fixture *fixture, uint32_t frame)
{
    return fixture->frames[frame - 1].lang == CAIRN_LANG_PYTHON;
}

static uint32_t any_frame(struct fixture *fixture)
{
    for (;;) {
        const uint32_t frame = 1 + fixture_random(fixture, (uint32_t)fixture->frame_count - 1);
        if (fixture->options.python || !is_python(fixture, frame)) {
            return frame;
        }
    }
}

/* Every stack hangs below an earlier one or below the root, by one frame. */
void fixture_make_stacks(struct fixture *fixture)
{
    const size_t wanted = 80;
    fixture->stacks = calloc(wanted + 1, sizeof(*fixture->stacks));
    assert_non_null(fixture->stacks);
    fixture->stack_count = wanted;
    for (size_t i = 1; i <= wanted; i++) {
        struct fixture_stack *stack = &fixture->stacks[i];
        const size_t parent = i < 4 ? 0 : fixture_random(fixture, (uint32_t)i);
        const uint32_t frame = i == 3 ? (uint32_t)fixture->frame_count : any_frame(fixture);
        const struct fixture_stack *below = &fixture->stacks[parent];
        stack->frames[stack->count++] = frame;
        if (fixture->frames[frame - 1].inlined_into) {
            stack->frames[stack->count++] = fixture->frames[frame - 1].inlined_into;
        }
        for (size_t k = 0; k < below->count && stack->count < FIXTURE_STACK_MAX; k++) {
            stack->frames[stack->count++] = below->frames[k];
        }
    }
}

/* A block that is live while events are made. */
struct block {
    uint64_t birth, size;
    uint32_t account;
};

struct maker {
    struct fixture *fixture;
    struct block *blocks;
    size_t block_count;
    uint64_t t_us;
    bool ended[8];
};

uint32_t fixture_account(struct fixture *fixture, uint32_t thread, uint32_t domain, uint32_t stack)
{
    const uint32_t process = fixture->threads[thread - 1].process;
    for (size_t i = 0; i < fixture->account_count; i++) {
        const struct cairn_account *account = &fixture->accounts[i];
        if (account->thread == thread && account->domain == domain && account->stack == stack) {
            return account->account;
        }
    }
    const uint32_t number = (uint32_t)++fixture->account_count;
    assert_true(number <= sizeof(fixture->accounts) / sizeof(fixture->accounts[0]));
    fixture->accounts[number - 1] = (struct cairn_account){
        .account = number, .process = process, .thread = thread, .domain = domain, .stack = stack};
    return number;
}

static uint32_t any_account(struct maker *maker)
{
    struct fixture *fixture = maker->fixture;
    uint32_t thread;
    do {
        thread = 1 + fixture_random(fixture, (uint32_t)fixture->thread_count);
    } while (maker->ended[fixture->threads[thread - 1].process]);
    uint32_t domain = fixture->options.python && fixture_random(fixture, 2) ? 1 : 0;
    if (fixture->options.mapped && fixture_random(fixture, 8) == 0) {
        domain = 4;
    }
    return fixture_account(fixture, thread, domain,
                           fixture_random(fixture, (uint32_t)fixture->stack_count + 1));
}

uint64_t fixture_push(struct fixture *fixture, int64_t t_ns, struct cairn_event event)
{
    event.t_ns = (uint64_t)t_ns / 1000 * 1000;
    fixture->events[fixture->event_count] = event;
    return fixture->event_count++;
}

static void push(struct maker *maker, struct cairn_event event)
{
    fixture_push(maker->fixture, (int64_t)maker->t_us * 1000, event);
}

static void make_block(struct maker *maker, uint32_t account, uint64_t size)
{
    maker->blocks[maker->block_count++] =
        (struct block){.birth = maker->fixture->event_count, .size = size, .account = account};
}

static struct block take_block(struct maker *maker)
{
    const size_t at = fixture_random(maker->fixture, (uint32_t)maker->block_count);
    const struct block block = maker->blocks[at];
    maker->blocks[at] = maker->blocks[--maker->block_count];
    return block;
}

static void make_event(struct maker *maker)
{
    struct fixture *fixture = maker->fixture;
    const uint32_t choice = fixture_random(fixture, 100);
    const uint64_t size = fixture_random(fixture, 20) == 0 ? 0 : fixture_random(fixture, 5000);
    const uint8_t flags = fixture_random(fixture, 4) == 0 ? CAIRN_EVENT_TEMPORARY : 0;
    if (choice < 55 || maker->block_count == 0) {
        const uint32_t account = any_account(maker);
        make_block(maker, account, size);
        push(maker, (struct cairn_event){.kind = CAIRN_EVENT_ALLOC, .account = account, .size = size});
    } else if (choice < 88) {
        const struct block block = take_block(maker);
        push(maker, (struct cairn_event){.kind = choice == 55 ? CAIRN_EVENT_LOST : CAIRN_EVENT_FREE,
                                         .account = block.account,
                                         .size = block.size,
                                         .birth = block.birth,
                                         .flags = choice == 55 ? 0 : flags});
    } else {
        const struct block block = take_block(maker);
        uint32_t account;
        do {
            account = any_account(maker);
        } while (fixture->accounts[account - 1].process != fixture->accounts[block.account - 1].process);
        make_block(maker, account, size);
        push(maker, (struct cairn_event){.kind = CAIRN_EVENT_REALLOC,
                                         .account = account,
                                         .size = size,
                                         .birth = block.birth,
                                         .old_account = block.account,
                                         .old_size = block.size,
                                         .flags = flags});
    }
}

/* A process that lives on takes over half of the blocks of one that ended, as a forked child does. */
static void adopt(struct maker *maker, const struct block *blocks, size_t count, uint32_t thread)
{
    struct fixture *fixture = maker->fixture;
    for (size_t i = 0; i < count; i += 2) {
        const struct cairn_account *from = &fixture->accounts[blocks[i].account - 1];
        const uint32_t account = fixture_account(fixture, thread, from->domain, from->stack);
        make_block(maker, account, blocks[i].size);
        push(maker, (struct cairn_event){.kind = CAIRN_EVENT_ADOPT,
                                         .account = account,
                                         .size = blocks[i].size,
                                         .birth = blocks[i].birth});
    }
}

static void end_process(struct maker *maker, uint32_t process)
{
    struct fixture *fixture = maker->fixture;
    struct block *lost = calloc(maker->block_count + 1, sizeof(*lost));
    size_t kept = 0, lost_count = 0;
    assert_non_null(lost);
    maker->ended[process] = true;
    for (size_t i = 0; i < maker->block_count; i++) {
        if (fixture->accounts[maker->blocks[i].account - 1].process != process) {
            maker->blocks[kept++] = maker->blocks[i];
        } else {
            lost[lost_count++] = maker->blocks[i];
        }
    }
    maker->block_count = kept;
    fixture->processes[process - 1].ended_ns = (int64_t)maker->t_us * 1000;
    push(maker, (struct cairn_event){.kind = CAIRN_EVENT_END, .account = process});
    for (uint32_t thread = 1; thread <= fixture->thread_count; thread++) {
        if (!maker->ended[fixture->threads[thread - 1].process]) {
            adopt(maker, lost, lost_count, thread);
            break;
        }
    }
    free(lost);
}

static void add_snapshot(struct fixture *fixture, const char *kind, const char *name, uint64_t position,
                         int64_t t_ns)
{
    const uint32_t number = (uint32_t)++fixture->snapshot_count;
    /* Some numbers are missing, as when snapshots were thinned out. */
    fixture->snapshots[number - 1] = (struct cairn_snapshot){
        .snapshot = number + number / 5, .t_ns = t_ns, .event = position, .kind = kind, .name = name};
}

void fixture_make_processes(struct fixture *fixture)
{
    for (uint32_t p = 1; p <= fixture->options.processes; p++) {
        fixture->processes[fixture->process_count++] = (struct cairn_process){
            .process = p,
            .parent = p > 1,
            .pid = 4000 + p,
            .program = p == 1 ? "/usr/bin/prog" : "/usr/bin/child",
            .origin = p == 1 ? "start" : "fork",
            .ended_ns = CAIRN_UNKNOWN,
            .exit_status = CAIRN_UNKNOWN,
            .signal = CAIRN_UNKNOWN,
        };
        const uint32_t threads = 1 + fixture_random(fixture, 3);
        for (uint32_t t = 0; t < threads; t++) {
            fixture->threads[fixture->thread_count] = (struct cairn_thread){
                .thread = (uint32_t)fixture->thread_count + 1,
                .process = p,
                .tid = 4000 + p + t * 100,
                .name = t == 0 ? NULL : "worker",
                .ended_ns = CAIRN_UNKNOWN,
            };
            fixture->thread_count++;
        }
    }
}

void fixture_make_events(struct fixture *fixture)
{
    const size_t wanted = fixture->options.events;
    struct maker maker = {.fixture = fixture, .blocks = calloc(wanted * 3 + 1, sizeof(*maker.blocks))};
    fixture->events = calloc(wanted * 3 + 8, sizeof(*fixture->events));
    assert_non_null(maker.blocks);
    assert_non_null(fixture->events);
    for (size_t i = 0; i < wanted; i++) {
        if (fixture_random(fixture, 3)) {
            maker.t_us += fixture_random(fixture, 2000);
        }
        make_event(&maker);
        const int64_t t_ns = (int64_t)maker.t_us * 1000;
        if (i % (wanted / 30 + 1) == wanted / 30) {
            add_snapshot(fixture, "periodic", NULL, fixture->event_count, t_ns);
        }
        if (i == wanted / 4 || i == wanted / 2) {
            add_snapshot(fixture, "mark", i == wanted / 4 ? "before" : "after", fixture->event_count, t_ns);
        }
        if (fixture->options.processes > 1 && i == wanted * 2 / 3) {
            end_process(&maker, fixture->options.processes);
        }
    }
    for (uint32_t p = 1; p <= fixture->options.processes && !fixture->options.incomplete; p++) {
        if (!maker.ended[p]) {
            end_process(&maker, p);
        }
    }
    fixture->duration_ns = (int64_t)maker.t_us * 1000 + 5000;
    free(maker.blocks);
}
