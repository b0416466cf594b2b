/* make_view_trace FILE [--live|--fixed]: the trace that the viewer's tests look at, the same bytes of truth every time.
 *
 * 12.5 s of a small server: parse_line leaks steadily, load_index gives its memory back at 5 s, Python's Cache.put grows
 * in steps, format_line's blocks are temporary; a C++ name that no line holds, a name that would take the terminal
 * over, a wide one, a function without a name, a mapping, and a second process. Marks @before (4 s) and @after (12 s).
 *
 * --fixed is the program after a repair: parse_line leaks a tenth of that. With --live the first half is written, then
 * "more" on standard input appends a second of the rest, "rest" one in which the program does nothing, "end" closes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_maker.h"

#define MS_NS       INT64_C(1000000)
#define STEP_NS     (10 * MS_NS)
#define DURATION_NS (12500 * MS_NS)

enum account {
    PARSE_LINE = 1,
    PARSE_LINE_OTHER,
    LOAD_INDEX,
    CACHE_PUT,
    FORMAT_LINE,
    TEMPLATE,
    HOSTILE,
    WIDE,
    NAMELESS,
    MAPPING,
    CHILD,
};

enum frame {
    FRAME_START = 1,
    FRAME_MAIN,
    FRAME_SERVER,
    FRAME_READ_FILE,
    FRAME_PARSE_LINE,
    FRAME_PARSE_LINE_OTHER,
    FRAME_LOAD_INDEX,
    FRAME_PYTHON,
    FRAME_CACHE_PUT,
    FRAME_FORMAT_LINE,
    FRAME_TEMPLATE,
    FRAME_HOSTILE,
    FRAME_WIDE,
    FRAME_NAMELESS,
    FRAME_MAPPING,
    FRAME_CHILD,
    FRAME_MALLOC,
};

static const struct cairn_source_file FILES[] = {
    {1, "/src/shop/main.c"},   {2, "/src/shop/lex.c"},     {3, "/src/shop/index.c"},
    {4, "/src/shop/cache.py"}, {5, "/src/shop/format.cc"},
};

static const struct cairn_function FUNCTIONS[] = {
    {1, "_start", NULL, 0},
    {2, "main", NULL, 0},
    {3, "serve", NULL, 0},
    {4, "read_file", NULL, 0},
    {5, "parse_line", NULL, 0},
    {6, "load_index", NULL, 0},
    {7, "handle", NULL, 1},
    {8, "Cache.put", NULL, 1},
    {9, "format_line", NULL, 0},
    {10,
     "shop::index::Table<shop::index::Key<unsigned long>, shop::index::Value<shop::text::Line>, "
     "shop::index::Policy<true, 64>>::insert_or_assign(shop::index::Key<unsigned long> const&)",
     "_ZN4shop5indexE", 0},
    {11, "evil\033]0;owned\007name\xe2\x80\xae", NULL, 0},
    {12, "\xe8\xa1\xa8\xe3\x83\x86\xe3\x83\xbc\xe3\x83\x96\xe3\x83\xab_make", NULL, 0},
    {13, "map_arena", NULL, 0},
    {14, "worker_loop", NULL, 0},
    {15, "malloc", NULL, 0},
};

static const struct cairn_frame FRAMES[] = {
    {FRAME_START, 1, 0, 1, 0, CAIRN_UNKNOWN, 0x100, 0, 0},
    {FRAME_MAIN, 2, 1, 1, 0, 20, 0x200, 0, 0},
    {FRAME_SERVER, 3, 1, 1, 0, 42, 0x300, 0, 0},
    {FRAME_READ_FILE, 4, 2, 1, 0, 30, 0x400, 0, 0},
    {FRAME_PARSE_LINE, 5, 2, 1, 0, 88, 0x500, 0, 0},
    {FRAME_PARSE_LINE_OTHER, 5, 2, 1, 0, 93, 0x510, 0, 0},
    {FRAME_LOAD_INDEX, 6, 3, 1, 0, 12, 0x600, 0, 0},
    {FRAME_PYTHON, 7, 4, 0, 0, 9, CAIRN_UNKNOWN, 1, 0},
    {FRAME_CACHE_PUT, 8, 4, 0, 0, 40, CAIRN_UNKNOWN, 1, 0},
    {FRAME_FORMAT_LINE, 9, 5, 1, 0, 15, 0x700, 0, 0},
    {FRAME_TEMPLATE, 10, 5, 1, 0, 77, 0x800, 0, 0},
    {FRAME_HOSTILE, 11, 0, 1, 0, CAIRN_UNKNOWN, 0x900, 0, 0},
    {FRAME_WIDE, 12, 0, 1, 0, CAIRN_UNKNOWN, 0xa00, 0, 0},
    {FRAME_NAMELESS, 0, 0, 2, 0, CAIRN_UNKNOWN, 0x1234, 0, 0},
    {FRAME_MAPPING, 13, 1, 1, 0, 60, 0xb00, 0, 0},
    {FRAME_CHILD, 14, 1, 1, 0, 70, 0xc00, 0, 0},
    {FRAME_MALLOC, 15, 0, 3, 0, CAIRN_UNKNOWN, 0xd00, 0, 0},
};

/* Each account's frames, outermost first, 0 behind the last. */
static const uint32_t STACKS[][8] = {
    [PARSE_LINE] = {FRAME_START, FRAME_MAIN, FRAME_SERVER, FRAME_READ_FILE, FRAME_PARSE_LINE, FRAME_MALLOC},
    [PARSE_LINE_OTHER] = {FRAME_START, FRAME_MAIN, FRAME_PARSE_LINE_OTHER, FRAME_MALLOC},
    [LOAD_INDEX] = {FRAME_START, FRAME_MAIN, FRAME_LOAD_INDEX, FRAME_MALLOC},
    [CACHE_PUT] = {FRAME_START, FRAME_MAIN, FRAME_SERVER, FRAME_PYTHON, FRAME_CACHE_PUT},
    [FORMAT_LINE] = {FRAME_START, FRAME_MAIN, FRAME_SERVER, FRAME_FORMAT_LINE, FRAME_MALLOC},
    [TEMPLATE] = {FRAME_START, FRAME_MAIN, FRAME_TEMPLATE, FRAME_MALLOC},
    [HOSTILE] = {FRAME_START, FRAME_MAIN, FRAME_HOSTILE, FRAME_MALLOC},
    [WIDE] = {FRAME_START, FRAME_MAIN, FRAME_WIDE, FRAME_MALLOC},
    [NAMELESS] = {FRAME_START, FRAME_MAIN, FRAME_NAMELESS, FRAME_MALLOC},
    [MAPPING] = {FRAME_START, FRAME_MAIN, FRAME_MAPPING},
    [CHILD] = {FRAME_START, FRAME_MAIN, FRAME_CHILD, FRAME_MALLOC},
};

static const uint32_t SITES[] = {
    [PARSE_LINE] = FRAME_PARSE_LINE,
    [PARSE_LINE_OTHER] = FRAME_PARSE_LINE_OTHER,
    [LOAD_INDEX] = FRAME_LOAD_INDEX,
    [CACHE_PUT] = FRAME_CACHE_PUT,
    [FORMAT_LINE] = FRAME_FORMAT_LINE,
    [TEMPLATE] = FRAME_TEMPLATE,
    [HOSTILE] = FRAME_HOSTILE,
    [WIDE] = FRAME_WIDE,
    [NAMELESS] = FRAME_NAMELESS,
    [MAPPING] = FRAME_MAPPING,
    [CHILD] = FRAME_CHILD,
};

struct show {
    struct trace_maker maker;
    int64_t t_ns;
    uint64_t index_births[64];
    size_t index_count;
    uint32_t snapshots;
    int64_t mapped_bytes, allocations, frees;
    int64_t peak_event;
    uint64_t leak_bytes; /* of parse_line, at each step */
};

static void write_names(struct cairn_writer *writer)
{
    static const struct cairn_module modules[] = {
        {1, "/usr/bin/shop", "00112233445566778899aabbccddeeff00112233", "debug"},
        {2, "/usr/lib/libplugin.so", NULL, "none: stripped"},
        {3, "/lib/x86_64-linux-gnu/libc.so.6", NULL, "symtab"},
    };
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
        cairn_writer_module(writer, &modules[i]);
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++)
        cairn_writer_source_file(writer, &FILES[i]);
    for (size_t i = 0; i < sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]); i++)
        cairn_writer_function(writer, &FUNCTIONS[i]);
    for (size_t i = 0; i < sizeof(FRAMES) / sizeof(FRAMES[0]); i++)
        cairn_writer_frame(writer, &FRAMES[i]);
    for (int64_t line = 80; line <= 95; line++) {
        char text[64];
        snprintf(text, sizeof(text),
                 line == 88 ? "\tchar *copy = malloc(length + 1);" : "\t/* lex.c line %d */", (int)line);
        cairn_writer_source(writer, &(struct cairn_source_line){.file = 2, .line = line, .text = text});
    }
    cairn_writer_source(
        writer, &(struct cairn_source_line){.file = 4, .line = 40, .text = "    self.items[key] = value"});
}

static void write_accounts(struct show *show)
{
    uint32_t stack = 0;
    maker_process(&show->maker, 0);
    maker_process(&show->maker, 1);
    show->maker.processes[0].program = "/usr/bin/shop";
    show->maker.processes[1].program = "/usr/bin/shop-worker";
    show->maker.processes[1].started_ns = 2000 * MS_NS;
    for (uint32_t i = PARSE_LINE; i <= CHILD; i++) {
        uint32_t parent = 0;
        for (uint32_t depth = 0; STACKS[i][depth] != 0; depth++) {
            stack++;
            cairn_writer_stack(show->maker.writer,
                               &(struct cairn_stack_row){stack, parent, STACKS[i][depth], depth + 1});
            parent = stack;
        }
        const uint32_t domain = i == MAPPING ? CAIRN_DOMAIN_FIRST_MAPPED : i == CACHE_PUT ? 1 : 0;
        maker_account(&show->maker, i == CHILD ? 2 : 1, domain, stack, SITES[i]);
    }
}

static uint64_t allocate(struct show *show, enum account account, uint64_t size)
{
    show->allocations++;
    if (account == MAPPING)
        show->mapped_bytes += (int64_t)size;
    const uint64_t birth = maker_event(&show->maker, &(struct cairn_event){.t_ns = (uint64_t)show->t_ns,
                                                                           .kind = CAIRN_EVENT_ALLOC,
                                                                           .account = account,
                                                                           .size = size});
    struct cairn_process *process = &show->maker.processes[account == CHILD];
    int64_t heap = 0;
    for (size_t i = 0; i < show->maker.account_count; i++)
        if (show->maker.accounts[i].row.process == process->process &&
            show->maker.accounts[i].row.domain <= CAIRN_DOMAIN_LAST_HEAP)
            heap += show->maker.accounts[i].now.live_bytes;
    process->end_bytes = heap;
    process->peak_bytes = heap > process->peak_bytes ? heap : process->peak_bytes;
    if (show->maker.recording.peak_event != show->peak_event) {
        show->peak_event = show->maker.recording.peak_event;
        for (size_t i = 0; i < show->maker.account_count; i++) {
            show->maker.accounts[i].row.peak_bytes = show->maker.accounts[i].now.live_bytes;
            show->maker.accounts[i].row.peak_blocks = show->maker.accounts[i].now.live_blocks;
        }
    }
    return birth;
}

static void release(struct show *show, enum account account, uint64_t birth, uint64_t size, bool temporary)
{
    show->frees++;
    maker_event(&show->maker, &(struct cairn_event){.t_ns = (uint64_t)show->t_ns,
                                                    .kind = CAIRN_EVENT_FREE,
                                                    .account = account,
                                                    .birth = birth,
                                                    .size = size,
                                                    .flags = temporary ? CAIRN_EVENT_TEMPORARY : 0});
}

static void snapshot(struct show *show, const char *kind, const char *name)
{
    struct trace_maker *maker = &show->maker;
    struct cairn_snapshot_site sites[CHILD + 1];
    size_t count = 0;
    for (uint32_t i = 0; i < maker->account_count; i++)
        if (maker->accounts[i].row.domain <= CAIRN_DOMAIN_LAST_HEAP && maker->accounts[i].now.live_bytes > 0)
            sites[count++] = (struct cairn_snapshot_site){i + 1, maker->accounts[i].now.live_bytes,
                                                          maker->accounts[i].now.live_blocks};
    const struct cairn_snapshot row = {.snapshot = ++show->snapshots,
                                       .t_ns = show->t_ns,
                                       .event = maker_next(maker),
                                       .kind = kind,
                                       .name = name,
                                       .bytes = maker->heap_bytes,
                                       .blocks = maker->heap_blocks};
    cairn_writer_snapshot(maker->writer, &row, sites, count);
}

static void write_point(struct show *show)
{
    const int64_t heap = show->maker.heap_bytes;
    const struct cairn_timeline_point point = {.t_ns = show->t_ns,
                                               .heap_bytes = heap,
                                               .heap_blocks = show->maker.heap_blocks,
                                               .heap_max_bytes = heap,
                                               .mapped_bytes = show->mapped_bytes,
                                               .allocations = show->allocations,
                                               .frees = show->frees,
                                               .rss_bytes = heap + 3000000 + show->t_ns / 5000,
                                               .rss_anonymous_bytes = heap + 1000000,
                                               .rss_file_bytes = 2000000,
                                               .rss_shared_bytes = 0};
    cairn_writer_timeline(show->maker.writer, 0, &point);
    show->allocations = show->frees = 0;
    if (show->t_ns % (2500 * MS_NS) != 0)
        return;
    const struct cairn_residency rows[] = {
        {show->t_ns, 1, "heap", "", heap + 1000000, heap + 1000000, 0, heap + 1200000},
        {show->t_ns, 1, "file", "/lib/x86_64-linux-gnu/libc.so.6", 1500000, 700000, 0, 2000000},
        {show->t_ns, 1, "stack", "", 130000, 130000, 0, 8388608},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cairn_writer_residency(show->maker.writer, &rows[i]);
}

/* Once, at the start. */
static void begin(struct show *show)
{
    for (size_t i = 0; i < 64; i++)
        show->index_births[show->index_count++] = allocate(show, LOAD_INDEX, 192 * 1024);
    allocate(show, TEMPLATE, 1500000);
    allocate(show, HOSTILE, 600000);
    allocate(show, WIDE, 400000);
    allocate(show, NAMELESS, 200000);
    allocate(show, MAPPING, 8 << 20);
}

static void step(struct show *show)
{
    const int64_t tick = show->t_ns / STEP_NS;
    if (tick == 0)
        begin(show);
    allocate(show, PARSE_LINE, show->leak_bytes);
    if (tick % 4 == 0)
        allocate(show, PARSE_LINE_OTHER, 10000);
    if (tick % 125 == 0)
        allocate(show, CACHE_PUT, 700000);
    for (int i = 0; i < 3; i++)
        release(show, FORMAT_LINE, allocate(show, FORMAT_LINE, 128), 128, true);
    if (tick == 500)
        while (show->index_count > 4)
            release(show, LOAD_INDEX, show->index_births[--show->index_count], 192 * 1024, false);
    if (tick >= 200 && tick % 50 == 0)
        allocate(show, CHILD, 90000);
    if (tick == 400)
        snapshot(show, "mark", "before");
    if (tick == 1200)
        snapshot(show, "mark", "after");
    if (tick % 50 == 0)
        snapshot(show, "periodic", NULL);
    if (tick % 10 == 0)
        write_point(show);
    show->t_ns += STEP_NS;
}

/* The sizes and lifetimes of what was allocated, as the collector counts them. */
static void write_histograms(struct show *show)
{
    for (uint32_t i = PARSE_LINE; i <= CHILD; i++) {
        const struct maker_account *account = &show->maker.accounts[i - 1];
        const struct cairn_totals *now = &account->now;
        const uint64_t freed = (uint64_t)(now->allocations - now->live_blocks);
        if (now->allocations == 0)
            continue;
        const uint8_t size = (uint8_t)cairn_size_bucket((uint64_t)(now->allocated_bytes / now->allocations));
        const uint8_t lifetime =
            (uint8_t)cairn_lifetime_bucket(i == FORMAT_LINE ? 3000 : 5000 * (uint64_t)MS_NS);
        struct cairn_histogram_cell cells[2];
        size_t count = 0;
        if (freed > 0)
            cells[count++] = (struct cairn_histogram_cell){size, lifetime, freed, (uint64_t)now->temporary};
        if (now->live_blocks > 0)
            cells[count++] =
                (struct cairn_histogram_cell){size, CAIRN_LIFETIME_LIVE, (uint64_t)now->live_blocks, 0};
        struct cairn_buffer blob = CAIRN_BUFFER_INIT;
        if (cairn_histogram_encode(cells, count, &blob, NULL) != CAIRN_OK)
            abort();
        cairn_writer_account(show->maker.writer, &account->row, blob.data, blob.length);
        cairn_buffer_release(&blob);
    }
}

static void run_until(struct show *show, int64_t t_ns)
{
    while (show->t_ns < t_ns)
        step(show);
}

int main(int argc, char **argv)
{
    static struct show show;
    if (argc < 2)
        return 2;
    show.leak_bytes = argc > 2 && strcmp(argv[2], "--fixed") == 0 ? 4000 : 40000;
    maker_open(&show.maker, argv[1], 1024, 4);
    show.maker.recording.program = "/usr/bin/shop";
    show.maker.recording.rss_peak_bytes = 90000000;
    write_names(show.maker.writer);
    write_accounts(&show);
    if (argc > 2 && strcmp(argv[2], "--live") == 0) {
        char line[16];
        run_until(&show, DURATION_NS / 2);
        maker_commit(&show.maker);
        puts("written");
        fflush(stdout);
        while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "end\n") != 0) {
            if (strcmp(line, "rest\n") == 0)
                show.t_ns = show.maker.recording.duration_ns += 1000 * MS_NS;
            else
                run_until(&show, show.t_ns + 1000 * MS_NS);
            maker_commit(&show.maker);
            puts("written");
            fflush(stdout);
        }
    } else {
        run_until(&show, DURATION_NS);
    }
    cairn_writer_note(show.maker.writer, 0, 3000 * MS_NS, "one thread waited for the recorder");
    snapshot(&show, "end", NULL);
    write_histograms(&show);
    maker_close(&show.maker);
    return 0;
}
