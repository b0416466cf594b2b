/* heaptrack's recordings, file versions 1 to 3 (heaptrack 1.0 to 1.5), as heaptrack_interpret writes them. A line is a
 * record: a letter, then hexadecimal numbers with spaces between them. Numbers of strings, places and traces count from 1
 * (0: none), those of allocations from 0.
 *
 *   v VERSION FILE_VERSION      X COMMAND LINE       I PAGE_SIZE PAGES     A (joined a running program)
 *   s LENGTH TEXT               a string (without the length before file version 3)
 *   i ADDRESS MODULE [FUNCTION [FILE LINE] [FUNCTION FILE LINE]…]          a place; functions innermost first
 *   t PLACE PARENT              a trace: PLACE called from the trace PARENT
 *   a SIZE TRACE                an allocation: what + and - are about
 *   + ALLOCATION, - ALLOCATION  happened; which of its blocks - ends is not told
 *   c MILLISECONDS, R PAGES     time, resident memory, about every 10 ms       S TEXT, # … are skipped
 *
 * A free is taken to end the youngest block of its allocation, which is also how heaptrack_print counts temporary ones. */
#include <stdlib.h>
#include <string.h>

#include "import/format.h"
#include "wire/record.h"

#define MOST_FILE_VERSION 3u
#define MOST_ALLOCATIONS  (1u << 23)
#define MOST_DEPTH        ((1u << 24) - 1) /* live blocks of one allocation: both make up a block's address */
#define MOST_INLINED      256u
#define MOST_PAGE_BYTES   (1ull << 30)
#define MOST_PAGES        (1ull << 32)
#define CHECK_LINES       65536u         /* between two looks at memory and writer */
#define COMMIT_EVENTS     (64u * 65536u) /* between two commits */
#define NS_PER_MS         1000000
#define US_PER_MS         1000

static const char kinds[] = "sitavXIcRASxm+-"; /* of records */

struct allocation {
    uint64_t size;
    uint32_t account, stack, live;
};

struct heaptrack {
    struct cairn_lines *lines;
    struct cairn_intake *intake;
    struct cairn_error *error;
    uint64_t version; /* of the file; 0: not seen yet */
    bool command_seen, in_command,
        begun; /* a command line may hold newlines, which are written as they are */
    struct cairn_arena texts;
    const char **strings;
    uint32_t *frames; /* of places: the innermost */
    uint32_t *stacks; /* of traces */
    struct allocation *allocations;
    size_t string_count, string_capacity, frame_count, frame_capacity, stack_count, stack_capacity,
        allocation_count, allocation_capacity;
    uint32_t accounts; /* the largest number */
    uint64_t ms, page_bytes, allocated_bytes, stamp, suppressions;
    uint64_t committed; /* events at the last commit */
};

/* --- Numbers --- */

static enum cairn_status no_memory(struct heaptrack *in)
{
    return cairn_fail(in->error, CAIRN_E_NOMEM, "%s: out of memory", in->intake->from);
}

/* Takes a number and the space behind it; false where there is none, or one of more than 64 bits. */
static bool take(const char **at, uint64_t *number)
{
    uint64_t value = 0;
    size_t digits = 0;
    for (;; (*at)++, digits++) {
        const char c = **at;
        const unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                               : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                      : 16;
        if (digit > 15) {
            break;
        }
        value = value << 4 | digit;
    }
    if (digits == 0 || digits > 16 || (**at != ' ' && **at != '\0')) {
        return false;
    }
    *at += **at == ' ';
    *number = value;
    return true;
}

/* The numbers of a record: exactly `count`. */
static enum cairn_status take_all(struct heaptrack *in, const char *at, size_t count, uint64_t *numbers)
{
    for (size_t i = 0; i < count; i++) {
        if (!take(&at, &numbers[i])) {
            return cairn_lines_damaged(in->lines, in->error, "a number is missing or is no number");
        }
    }
    return *at == '\0' ? CAIRN_OK
                       : cairn_lines_damaged(in->lines, in->error, "something is behind its last number");
}

static enum cairn_status unknown(struct heaptrack *in, const char *what, uint64_t number, size_t count)
{
    return cairn_lines_damaged(in->lines, in->error, "it names %s %llu, but there are %zu", what,
                               (unsigned long long)number, count);
}

/* --- Code --- */

static enum cairn_status on_string(struct heaptrack *in, const char *text, const char *end)
{
    if (in->version >= 3) {
        uint64_t length;
        if (!take(&text, &length) || length != (uint64_t)(end - text)) {
            return cairn_lines_damaged(in->lines, in->error, "a string is not as long as it says");
        }
    }
    const char **strings = cairn_grown(in->strings, &in->string_capacity, in->string_count, sizeof *strings);
    if (strings != NULL) {
        in->strings = strings;
        strings[in->string_count] = cairn_arena_copy(&in->texts, text, (size_t)(end - text));
    }
    return strings != NULL && strings[in->string_count++] != NULL ? CAIRN_OK : no_memory(in);
}

/* Takes the number of a string; `*text` NULL for none. */
static enum cairn_status take_string(struct heaptrack *in, const char **at, const char **text)
{
    uint64_t number;
    if (!take(at, &number)) {
        return cairn_lines_damaged(in->lines, in->error, "a number is missing or is no number");
    }
    if (number > in->string_count) {
        return unknown(in, "string", number, in->string_count);
    }
    *text = number == 0 ? NULL : in->strings[number - 1];
    return CAIRN_OK;
}

/* A function, its file and line; the outermost one of a place may go without these two. */
static enum cairn_status take_function(struct heaptrack *in, const char **at, struct cairn_code_place *place,
                                       bool only)
{
    uint64_t line = 0;
    enum cairn_status status = take_string(in, at, &place->function);
    if (status != CAIRN_OK || (only && **at == '\0')) {
        return status;
    }
    status = take_string(in, at, &place->file);
    if (status == CAIRN_OK && (!take(at, &line) || line > INT32_MAX)) {
        return cairn_lines_damaged(in->lines, in->error, "a line number is missing or is none");
    }
    place->line = line > 0 ? (int64_t)line : CAIRN_UNKNOWN;
    return status;
}

static enum cairn_status on_place(struct heaptrack *in, const char *at)
{
    struct cairn_code_place places[MOST_INLINED] = {{.line = CAIRN_UNKNOWN}};
    uint64_t address;
    const char *module = NULL;
    size_t count = 0;
    if (!take(&at, &address)) {
        return cairn_lines_damaged(in->lines, in->error, "a number is missing or is no number");
    }
    enum cairn_status status = take_string(in, &at, &module);
    for (; status == CAIRN_OK && *at != '\0'; count++) {
        if (count == MOST_INLINED) {
            return cairn_lines_damaged(in->lines, in->error,
                                       "more than %u functions are inlined into each other", MOST_INLINED);
        }
        places[count].line = CAIRN_UNKNOWN;
        status = take_function(in, &at, &places[count], count == 0);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    uint32_t frame = 0;
    for (size_t i = count > 0 ? count : 1; i-- > 0;) {
        places[i].module = module;
        places[i].inlined_into = frame;
        frame = cairn_code_frame(in->intake->code, &places[i]);
        if (frame == 0) {
            return no_memory(in);
        }
    }
    uint32_t *frames = cairn_grown(in->frames, &in->frame_capacity, in->frame_count, sizeof *frames);
    if (frames == NULL) {
        return no_memory(in);
    }
    in->frames = frames;
    frames[in->frame_count++] = frame;
    return CAIRN_OK;
}

static enum cairn_status on_trace(struct heaptrack *in, const char *at)
{
    uint64_t numbers[2];
    const enum cairn_status status = take_all(in, at, 2, numbers);
    if (status != CAIRN_OK) {
        return status;
    }
    if (numbers[0] == 0 || numbers[0] > in->frame_count) {
        return unknown(in, "place", numbers[0], in->frame_count);
    }
    if (numbers[1] > in->stack_count) {
        return unknown(in, "trace", numbers[1], in->stack_count);
    }
    const uint32_t parent = numbers[1] == 0 ? 0 : in->stacks[numbers[1] - 1];
    const uint32_t stack = cairn_code_stack(in->intake->code, parent, in->frames[numbers[0] - 1]);
    uint32_t *stacks = cairn_grown(in->stacks, &in->stack_capacity, in->stack_count, sizeof *stacks);
    if (stack == 0 || stacks == NULL) {
        return no_memory(in);
    }
    in->stacks = stacks;
    stacks[in->stack_count++] = stack;
    return CAIRN_OK;
}

/* --- Blocks --- */

static void begin(struct heaptrack *in)
{
    if (!in->begun) {
        in->begun = true;
        cairn_intake_begin(in->intake);
    }
}

static enum cairn_status on_allocation(struct heaptrack *in, const char *at)
{
    uint64_t numbers[2];
    const enum cairn_status status = take_all(in, at, 2, numbers);
    if (status != CAIRN_OK) {
        return status;
    }
    if (numbers[0] > CAIRN_IMPORT_MOST_BLOCK_BYTES) {
        return cairn_lines_damaged(in->lines, in->error, "a block of %llu bytes fits into no address space",
                                   (unsigned long long)numbers[0]);
    }
    if (numbers[1] > in->stack_count) {
        return unknown(in, "trace", numbers[1], in->stack_count);
    }
    begin(in);
    const uint32_t stack = numbers[1] == 0 ? 0 : in->stacks[numbers[1] - 1];
    const uint32_t account = cairn_ledger_account(in->intake->ledger, CAIRN_INTAKE_PROCESS,
                                                  CAIRN_INTAKE_THREAD, CAIRN_DOMAIN_MALLOC, stack);
    struct allocation *allocations =
        cairn_grown(in->allocations, &in->allocation_capacity, in->allocation_count, sizeof *allocations);
    if (account == 0 || allocations == NULL) {
        return no_memory(in);
    }
    if (in->allocation_count == MOST_ALLOCATIONS) {
        return cairn_lines_damaged(in->lines, in->error, "there are more than %u kinds of allocations",
                                   MOST_ALLOCATIONS);
    }
    in->allocations = allocations;
    allocations[in->allocation_count++] =
        (struct allocation){.size = numbers[0], .account = account, .stack = stack};
    in->accounts = account > in->accounts ? account : in->accounts;
    return CAIRN_OK;
}

/* Blocks have no addresses here: a made-up one tells them apart. */
static uint64_t address_of(uint64_t allocation, uint32_t depth)
{
    return (allocation + 1) << 24 | depth;
}

static enum cairn_status on_event(struct heaptrack *in, const char *at, bool made)
{
    uint64_t number;
    const enum cairn_status status = take_all(in, at, 1, &number);
    if (status != CAIRN_OK) {
        return status;
    }
    if (number >= in->allocation_count) {
        return unknown(in, "allocation", number, in->allocation_count);
    }
    struct cairn_intake *intake = in->intake;
    struct allocation *allocation = &in->allocations[number];
    const struct cairn_ledger_time when = {.stamp = ++in->stamp, .us = in->ms * US_PER_MS};
    if (!made) {
        /* Of a block that is not there (freed twice, or older than the recording): counted as such. */
        const uint64_t address = allocation->live > 0 ? address_of(number, --allocation->live) : 0;
        cairn_ledger_free_block(intake->ledger, intake->process, &intake->thread, when, address,
                                CAIRN_DOMAIN_MALLOC, false);
        intake->thread.last_birth_1 =
            0; /* as heaptrack_print: what is freed behind another free is not temporary */
        return CAIRN_OK;
    }
    in->allocated_bytes += allocation->size;
    if (in->allocated_bytes > CAIRN_IMPORT_MOST_SUM_BYTES || allocation->live == MOST_DEPTH) {
        return cairn_lines_damaged(in->lines, in->error, "more was allocated than a program can");
    }
    cairn_ledger_alloc(intake->ledger, intake->process, &intake->thread, when, allocation->account,
                       address_of(number, allocation->live++), allocation->size, CAIRN_DOMAIN_MALLOC);
    return CAIRN_OK;
}

/* --- About the recording --- */

static enum cairn_status on_version(struct heaptrack *in, const char *at)
{
    uint64_t tool, file = 0;
    if (!take(&at, &tool) || (*at != '\0' && !take(&at, &file)) || *at != '\0' || in->version != 0) {
        return cairn_lines_damaged(in->lines, in->error, "its version is none, or is there twice");
    }
    if (file == 0 || file > MOST_FILE_VERSION) {
        return cairn_fail(in->error, CAIRN_E_VERSION,
                          "%s: has heaptrack's file version %llu, and 1 to %u can be imported: record it "
                          "with heaptrack 1.0 "
                          "to 1.5",
                          in->intake->from, (unsigned long long)file, MOST_FILE_VERSION);
    }
    in->version = file;
    return CAIRN_OK;
}

/* The program is the first word; arguments do not travel. */
static enum cairn_status on_command(struct heaptrack *in, const char *text)
{
    if (in->command_seen) {
        return cairn_lines_damaged(in->lines, in->error, "its command line is there twice");
    }
    const size_t length = strcspn(text, " ");
    in->command_seen = in->in_command = true;
    if (!in->begun && length < sizeof in->intake->program) {
        memcpy(in->intake->program, text, length);
        in->intake->program[length] = '\0';
    }
    return CAIRN_OK;
}

static enum cairn_status on_system(struct heaptrack *in, const char *at)
{
    uint64_t numbers[2];
    const enum cairn_status status = take_all(in, at, 2, numbers);
    if (status == CAIRN_OK && (numbers[0] == 0 || numbers[0] > MOST_PAGE_BYTES)) {
        return cairn_lines_damaged(in->lines, in->error, "no system has pages of %llu bytes",
                                   (unsigned long long)numbers[0]);
    }
    in->page_bytes = numbers[0];
    return status;
}

static enum cairn_status on_time(struct heaptrack *in, const char *at)
{
    uint64_t ms;
    const enum cairn_status status = take_all(in, at, 1, &ms);
    if (status != CAIRN_OK) {
        return status;
    }
    if (ms < in->ms || ms > CAIRN_IMPORT_MOST_MS) {
        return cairn_lines_damaged(in->lines, in->error, "its time, %llu ms, does not follow %llu ms",
                                   (unsigned long long)ms, (unsigned long long)in->ms);
    }
    in->ms = ms;
    return CAIRN_OK;
}

static enum cairn_status on_resident(struct heaptrack *in, const char *at)
{
    uint64_t pages;
    const enum cairn_status status = take_all(in, at, 1, &pages);
    if (status != CAIRN_OK) {
        return status;
    }
    if (pages > MOST_PAGES) {
        return cairn_lines_damaged(in->lines, in->error, "no system has %llu pages",
                                   (unsigned long long)pages);
    }
    struct cairn_message *message =
        in->page_bytes > 0 ? cairn_message_new(CAIRN_MESSAGE_MEMORY, (int64_t)in->ms * NS_PER_MS) : NULL;
    if (message != NULL) {
        const int64_t bytes = (int64_t)(pages * in->page_bytes);
        message->of.memory = (struct cairn_timeline_memory){.rss_bytes = bytes,
                                                            .anonymous_bytes = CAIRN_UNKNOWN,
                                                            .file_bytes = CAIRN_UNKNOWN,
                                                            .shared_bytes = CAIRN_UNKNOWN};
        if (bytes > in->intake->row.rss_peak_bytes) {
            in->intake->row.rss_peak_bytes = bytes;
        }
        /* The sample was taken now: the interval that ends here has it. */
        cairn_ledger_post(in->intake->ledger, message);
        cairn_ledger_post(in->intake->ledger,
                          cairn_message_new(CAIRN_MESSAGE_TIME, (int64_t)in->ms * NS_PER_MS));
    }
    return CAIRN_OK;
}

/* A letter, and numbers behind it only. */
static bool is_record(const char *line, size_t length)
{
    const size_t letters = line[0] != '\0' && line[1] == ' ' ? 2 : 0;
    return letters > 0 && length > letters && strchr(kinds, line[0]) != NULL &&
           strspn(line + letters, "0123456789abcdef ") == length - letters;
}

static enum cairn_status on_line(struct heaptrack *in, char *line, size_t length)
{
    const char kind = line[0];
    if (in->in_command && !is_record(line, length)) {
        return CAIRN_OK;
    }
    in->in_command = false;
    if (kind == '\0' || kind == '#') {
        return CAIRN_OK;
    }
    if (memchr(line, '\0', length) != NULL || strchr(kinds, kind) == NULL ||
        (kind != 'A' && (length < 2 || line[1] != ' '))) {
        return cairn_lines_damaged(in->lines, in->error, "it is none of heaptrack's records");
    }
    const char *at = line + (length < 2 ? length : 2);
    switch (kind) {
    case '+':
    case '-':
        return on_event(in, at, kind == '+');
    case 's':
        return on_string(in, at, line + length);
    case 'i':
        return on_place(in, at);
    case 't':
        return on_trace(in, at);
    case 'a':
        return on_allocation(in, at);
    case 'c':
        return on_time(in, at);
    case 'R':
        return on_resident(in, at);
    case 'v':
        return on_version(in, at);
    case 'X':
        return on_command(in, at);
    case 'I':
        return on_system(in, at);
    case 'A':
        cairn_intake_note(in->intake,
                          "heaptrack joined the program while it ran: what it allocated before is missing");
        return CAIRN_OK;
    case 'S':
        in->suppressions++;
        return CAIRN_OK;
    default: /* x, m */
        return cairn_fail(in->error, CAIRN_E_FORMAT,
                          "%s: is one of heaptrack's raw recordings, which name no functions: run it through "
                          "heaptrack_interpret first",
                          in->intake->from);
    }
}

/* --- The whole --- */

/* Now and then: memory, the writer, what is to be written. */
static enum cairn_status look_around(struct heaptrack *in)
{
    const size_t held = in->texts.total_bytes + in->string_capacity * sizeof *in->strings +
                        in->frame_capacity * sizeof *in->frames + in->stack_capacity * sizeof *in->stacks +
                        in->allocation_capacity * sizeof *in->allocations;
    const uint64_t position = cairn_ledger_position(in->intake->ledger);
    if (position - in->committed >= COMMIT_EVENTS) {
        in->committed = position;
        cairn_intake_commit(in->intake, (int64_t)in->ms * NS_PER_MS, false);
    } else {
        cairn_intake_send(in->intake);
    }
    return cairn_import_check(in->lines, in->intake, held, in->accounts,
                              "record less of the program, or record it with cairn", in->error);
}

/* Which frame each account is charged to. */
static enum cairn_status send_sites(struct heaptrack *in)
{
    struct cairn_account_site *sites = calloc(in->accounts + 1u, sizeof *sites);
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_SITES, 0);
    if (sites == NULL || message == NULL) {
        free(sites);
        free(message);
        return no_memory(in);
    }
    for (size_t i = 0; i < in->allocation_count; i++) {
        const struct allocation *allocation = &in->allocations[i];
        struct cairn_account_site *site = &sites[allocation->account - 1];
        if (site->account == 0 && allocation->stack != 0) {
            *site =
                (struct cairn_account_site){.account = allocation->account,
                                            .frame = cairn_code_site(in->intake->code, allocation->stack)};
        }
    }
    message->of.sites.list = sites; /* those of account 0 are of none */
    message->of.sites.count = in->accounts;
    cairn_intake_send(in->intake); /* frames before what names them */
    cairn_ledger_post(in->intake->ledger, message);
    return CAIRN_OK;
}

static void write_notes(struct heaptrack *in)
{
    const struct cairn_ledger_counts *counts = cairn_ledger_counts(in->intake->ledger);
    cairn_intake_note(
        in->intake,
        "imported from heaptrack: threads, reallocs, mappings, the time of day and how the program "
        "ended are not known; times are in steps of 10 ms; the resident memory holds heaptrack's own");
    cairn_intake_note(
        in->intake,
        "heaptrack does not tell which of the blocks of one size and stack a free ends: the youngest "
        "is taken, so there may be fewer temporary allocations than this says, and ages are estimates");
    if (counts->unknown_frees > 0) {
        cairn_intake_note(in->intake, "%llu frees were of blocks that are not in the recording",
                          (unsigned long long)counts->unknown_frees);
    }
    if (in->suppressions > 0) {
        cairn_intake_note(in->intake, "%llu suppressions of the program's own were left out",
                          (unsigned long long)in->suppressions);
    }
}

static enum cairn_status finish(struct heaptrack *in)
{
    const int64_t end_ns = (int64_t)in->ms * NS_PER_MS;
    begin(in);
    write_notes(in);
    const enum cairn_status status = send_sites(in);
    struct cairn_message *end = cairn_message_new(CAIRN_MESSAGE_SNAPSHOT, end_ns);
    if (status != CAIRN_OK || end == NULL) {
        cairn_ledger_post(in->intake->ledger, end);
        return status == CAIRN_OK ? no_memory(in) : status;
    }
    end->of.snapshot.kind = "end";
    cairn_ledger_post(in->intake->ledger, end);
    cairn_intake_commit(in->intake, end_ns, true);
    return CAIRN_OK;
}

static enum cairn_status read_records(struct heaptrack *in)
{
    char *line;
    size_t length;
    for (;;) {
        enum cairn_status status = cairn_lines_next(in->lines, &line, &length, in->error);
        if (status != CAIRN_OK || line == NULL) {
            return status;
        }
        status = on_line(in, line, length);
        if (status == CAIRN_OK && cairn_lines_number(in->lines) % CHECK_LINES == 0) {
            status = look_around(in);
        }
        if (status != CAIRN_OK) {
            return status;
        }
    }
}

static enum cairn_status read(struct cairn_lines *lines, struct cairn_intake *intake,
                              struct cairn_error *error)
{
    struct heaptrack in = {.lines = lines, .intake = intake, .error = error};
    enum cairn_status status = read_records(&in);
    if (status == CAIRN_OK) {
        status = finish(&in);
    }
    cairn_arena_release(&in.texts);
    free(in.strings);
    free(in.frames);
    free(in.stacks);
    free(in.allocations);
    return status;
}

/* The first record is the version, and it is heaptrack's own. */
static bool knows(const char *line, size_t length)
{
    uint64_t tool;
    return length > 2 && line[0] == 'v' && line[1] == ' ' && (line += 2, take(&line, &tool));
}

const struct cairn_import_format cairn_import_heaptrack = {
    .name = "heaptrack",
    .events = true,
    .knows = knows,
    .read = read,
};
