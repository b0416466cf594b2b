#include "collector/symbolise.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "collector/excerpts.h"
#include "collector/names.h"
#include "collector/symbols.h"
#include "collector/table.h"
#include "collector/unresolved.h"
#include "trace/site.h"

#define MAX_INLINED     64u
#define MAX_SITE_FRAMES 4096u
#define ROWS_A_BATCH    512u
#define SITES_A_MESSAGE 4096u
/* With so many bytes between samples few frames of a library are seen. */
#define FEW_NAMES_BYTES (256 << 10)
/* Of 5.8 MB of glibc 2.36: how a program starts, its language, its files. */
#define HEAD_BYTES ((size_t)2 << 20)

struct module {
    const char *path, *build_id;
    struct cairn_symbol_module *symbols;
    bool interpreter, state_written;
};

/* One function of a frame: itself, or one inlined there. */
struct function_frame {
    uint32_t frame, file;
    int64_t line;
    bool skipped, interpreter;
    bool excerpted; /* its lines were asked for already */
    uint8_t lang;   /* enum cairn_lang */
};

/* By frame number: its functions, innermost first, in `function_frames`. */
struct frame_span {
    uint32_t first, count;
};

struct stack {
    uint32_t parent, frame, site; /* site 0: not yet known */
};

struct cairn_symboliser {
    struct cairn_pipeline *pipeline;
    _Atomic uint32_t *next_frame;
    bool read_sources;
    pthread_t thread;
    bool started;
    struct cairn_symbols *symbols;
    struct cairn_site_rule *rule;

    pthread_mutex_t lock; /* guards the five below */
    pthread_cond_t changed;
    struct cairn_unresolved unresolved;
    bool busy;          /* rows are being looked up */
    bool ending, ended; /* the thread is to end; it has nothing more to send */

    struct cairn_arena texts;
    struct module *modules;
    size_t module_count, module_capacity;
    struct frame_span *spans;
    size_t span_count, span_capacity;
    struct function_frame *function_frames;
    size_t function_frame_count, function_frame_capacity;
    struct stack *stacks;
    size_t stack_count, stack_capacity;
    struct cairn_names names;
    struct cairn_excerpts excerpts;

    struct cairn_batch *batch; /* being filled */
    size_t batch_rows;
    struct cairn_account_site *sites; /* being filled */
    size_t site_count, site_capacity;
    struct cairn_site_candidate *candidates;
    uint32_t *candidate_frames; /* indexes into function_frames */
};

void cairn_symboliser_see(struct cairn_symboliser *symboliser, const struct cairn_batch *batch)
{
    pthread_mutex_lock(&symboliser->lock);
    cairn_unresolved_see(&symboliser->unresolved, batch);
    pthread_cond_broadcast(&symboliser->changed);
    pthread_mutex_unlock(&symboliser->lock);
}

static void send_batch(struct cairn_symboliser *symboliser)
{
    if (symboliser->batch) {
        cairn_queue_push(&symboliser->pipeline->batches, symboliser->batch);
    }
    symboliser->batch = NULL;
    symboliser->batch_rows = 0;
}

/* The batch being filled, with room for some more rows; NULL when memory ran out. */
static struct cairn_batch *open_batch(struct cairn_symboliser *symboliser)
{
    if (symboliser->batch_rows++ >= ROWS_A_BATCH) {
        send_batch(symboliser);
    }
    if (!symboliser->batch) {
        symboliser->batch = cairn_batch_new();
        if (symboliser->batch) {
            symboliser->batch->resolved = true;
        }
    }
    return symboliser->batch;
}

static void send_sites(struct cairn_symboliser *symboliser)
{
    if (symboliser->site_count == 0) {
        return;
    }
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_SITES, 0);
    if (message) {
        message->of.sites.list = symboliser->sites;
        message->of.sites.count = symboliser->site_count;
        symboliser->sites = NULL;
        symboliser->site_capacity = 0;
        cairn_queue_push(&symboliser->pipeline->messages, message);
    }
    symboliser->site_count = 0;
}

/* The interpreter's own frames: python3.11, libpython3.11.so.1.0. */
static bool is_interpreter(const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    return strncmp(base, "libpython", 9) == 0 || strncmp(base, "python", 6) == 0;
}

static void add_module(struct cairn_symboliser *symboliser, const struct cairn_module *row)
{
    struct module *modules = cairn_grown(symboliser->modules, &symboliser->module_capacity,
                                         symboliser->module_count, sizeof *modules);
    const char *path = cairn_arena_copy(&symboliser->texts, row->path, strlen(row->path));
    const char *build_id =
        row->build_id ? cairn_arena_copy(&symboliser->texts, row->build_id, strlen(row->build_id)) : NULL;
    if (modules) {
        symboliser->modules = modules;
    }
    if (modules && path && row->module == symboliser->module_count + 1) {
        modules[symboliser->module_count++] =
            (struct module){.path = path, .build_id = build_id, .interpreter = is_interpreter(path)};
    }
}

static struct module *module_of(struct cairn_symboliser *symboliser, uint32_t number)
{
    if (number == 0 || number > symboliser->module_count) {
        return NULL;
    }
    struct module *module = &symboliser->modules[number - 1];
    if (!module->symbols) {
        module->symbols = cairn_symbols_module(symboliser->symbols, module->path, module->build_id);
    }
    return module->symbols ? module : NULL;
}

/* How well a module could be resolved is known after its first frame. */
static void write_module_state(struct cairn_symboliser *symboliser, uint32_t number, struct module *module)
{
    struct cairn_batch *batch = module->state_written ? NULL : open_batch(symboliser);
    if (batch) {
        cairn_batch_module(batch,
                           &(struct cairn_module){.module = number,
                                                  .path = module->path,
                                                  .build_id = module->build_id,
                                                  .symbols = cairn_symbol_module_state(module->symbols)});
        module->state_written = true;
    }
}

/* The number of a function row, sent when it is new; 0 for no name. */
static uint32_t function_number(struct cairn_symboliser *symboliser, const char *name,
                                const char *linkage_name, enum cairn_lang lang)
{
    bool added;
    const uint32_t number = cairn_names_function(&symboliser->names, name, linkage_name, (int)lang, &added);
    struct cairn_batch *batch = added ? open_batch(symboliser) : NULL;
    if (batch) {
        cairn_batch_function(
            batch, &(struct cairn_function){
                       .function = number, .name = name, .linkage_name = linkage_name, .lang = (int)lang});
    }
    return number;
}

static uint32_t file_number(struct cairn_symboliser *symboliser, const char *path)
{
    bool added;
    const uint32_t number = cairn_names_file(&symboliser->names, path, &added);
    struct cairn_batch *batch = added ? open_batch(symboliser) : NULL;
    if (batch) {
        cairn_batch_source_file(batch, &(struct cairn_source_file){.file = number, .path = path});
    }
    return number;
}

static struct frame_span *span_of(struct cairn_symboliser *symboliser, uint32_t frame)
{
    while (symboliser->span_count <= frame) {
        struct frame_span *spans =
            cairn_grown(symboliser->spans, &symboliser->span_capacity, symboliser->span_count, sizeof *spans);
        if (!spans) {
            return NULL;
        }
        symboliser->spans = spans;
        spans[symboliser->span_count++] = (struct frame_span){.count = 0};
    }
    return &symboliser->spans[frame];
}

static bool add_function_frame(struct cairn_symboliser *symboliser, struct frame_span *span,
                               const struct function_frame *one)
{
    struct function_frame *grown =
        cairn_grown(symboliser->function_frames, &symboliser->function_frame_capacity,
                    symboliser->function_frame_count, sizeof *grown);
    if (!grown) {
        return false;
    }
    symboliser->function_frames = grown;
    if (span->count == 0) {
        span->first = (uint32_t)symboliser->function_frame_count;
    }
    grown[symboliser->function_frame_count++] = *one;
    span->count++;
    return true;
}

static void resolve_frame(struct cairn_symboliser *symboliser, const struct cairn_frame *seen)
{
    struct cairn_symbol symbols[MAX_INLINED] = {{.function = NULL}};
    size_t count = 1;
    struct module *module = seen->kind == CAIRN_FRAME_PLAIN ? module_of(symboliser, seen->module) : NULL;
    if (module) {
        count = cairn_symbol_module_resolve(module->symbols, (uint64_t)seen->offset, symbols, MAX_INLINED);
        count = count < 1 ? 1 : count > MAX_INLINED ? MAX_INLINED : count;
        write_module_state(symboliser, seen->module, module);
    }
    struct frame_span *span = span_of(symboliser, seen->frame);
    if (!span) {
        return;
    }
    /* Rows from the outermost function inwards, because each names the next one outwards. */
    uint32_t numbers[MAX_INLINED];
    numbers[0] = seen->frame;
    for (size_t i = 1; i < count; i++) {
        numbers[i] = atomic_fetch_add_explicit(symboliser->next_frame, 1, memory_order_relaxed);
    }
    struct function_frame made[MAX_INLINED];
    for (size_t i = count; i-- > 0;) {
        const struct cairn_symbol *symbol = &symbols[i];
        const uint32_t function =
            function_number(symboliser, symbol->function, symbol->linkage_name, CAIRN_LANG_NATIVE);
        const uint32_t file = file_number(symboliser, symbol->file);
        const int64_t line = symbol->line > 0 ? symbol->line : CAIRN_UNKNOWN;
        made[i] = (struct function_frame){.frame = numbers[i],
                                          .file = file,
                                          .line = line,
                                          .skipped = seen->kind != CAIRN_FRAME_PLAIN ||
                                                     cairn_site_rule_skips(symboliser->rule, symbol->function,
                                                                           module ? module->path : NULL,
                                                                           CAIRN_LANG_NATIVE),
                                          .interpreter = module && module->interpreter};
        struct cairn_batch *batch = module ? open_batch(symboliser) : NULL;
        if (batch) {
            cairn_batch_frame(batch, &(struct cairn_frame){.frame = numbers[i],
                                                           .function = function,
                                                           .file = file,
                                                           .module = seen->module,
                                                           .inlined_into = i + 1 < count ? numbers[i + 1] : 0,
                                                           .line = line,
                                                           .offset = seen->offset,
                                                           .lang = CAIRN_LANG_NATIVE,
                                                           .kind = CAIRN_FRAME_PLAIN});
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!add_function_frame(symboliser, span, &made[i])) {
            return;
        }
    }
}

static void resolve_python_frame(struct cairn_symboliser *symboliser,
                                 const struct cairn_batch_python_frame *seen)
{
    struct frame_span *span = span_of(symboliser, seen->frame);
    const uint32_t function = function_number(symboliser, seen->name, NULL, CAIRN_LANG_PYTHON);
    const struct function_frame made = {
        .frame = seen->frame,
        .file = file_number(symboliser, seen->file),
        .line = seen->line > 0 ? seen->line : CAIRN_UNKNOWN,
        .skipped = cairn_site_rule_skips(symboliser->rule, seen->name, NULL, CAIRN_LANG_PYTHON),
        .lang = CAIRN_LANG_PYTHON};
    struct cairn_batch *batch = open_batch(symboliser);
    if (batch) {
        cairn_batch_frame(batch, &(struct cairn_frame){.frame = seen->frame,
                                                       .function = function,
                                                       .file = made.file,
                                                       .line = made.line,
                                                       .offset = CAIRN_UNKNOWN,
                                                       .lang = CAIRN_LANG_PYTHON});
    }
    if (span) {
        add_function_frame(symboliser, span, &made);
    }
}

static void add_stack(struct cairn_symboliser *symboliser, const struct cairn_stack_row *row)
{
    struct stack *stacks =
        cairn_grown(symboliser->stacks, &symboliser->stack_capacity, symboliser->stack_count, sizeof *stacks);
    if (stacks) {
        symboliser->stacks = stacks;
        if (row->stack == symboliser->stack_count + 1) {
            stacks[symboliser->stack_count++] = (struct stack){.parent = row->parent, .frame = row->frame};
        }
    }
}

static bool keep_line(void *state, const struct cairn_source_line *row, size_t length)
{
    struct cairn_batch *batch = open_batch(state);
    if (batch) {
        cairn_batch_source(batch, row, length);
    }
    return batch != NULL;
}

static void wish_for_excerpt(struct cairn_symboliser *symboliser, struct function_frame *site)
{
    if (symboliser->read_sources && !site->excerpted && site->file != 0 && site->line != CAIRN_UNKNOWN) {
        site->excerpted = true;
        cairn_excerpts_wish(&symboliser->excerpts, site->file, site->line);
    }
}

/* The frame a stack is charged to by the built-in rule; 0 when it has no frames. */
static uint32_t site_of_stack(struct cairn_symboliser *symboliser, uint32_t number)
{
    if (number == 0 || number > symboliser->stack_count) {
        return 0;
    }
    struct stack *stack = &symboliser->stacks[number - 1];
    if (stack->site) {
        return stack->site;
    }
    size_t count = 0;
    for (uint32_t at = number; at && count < MAX_SITE_FRAMES; at = symboliser->stacks[at - 1].parent) {
        const uint32_t frame = symboliser->stacks[at - 1].frame;
        const struct frame_span *span = frame < symboliser->span_count ? &symboliser->spans[frame] : NULL;
        for (uint32_t i = 0; span && i < span->count && count < MAX_SITE_FRAMES; i++) {
            const struct function_frame *one = &symboliser->function_frames[span->first + i];
            symboliser->candidates[count] = (struct cairn_site_candidate){
                .skipped = one->skipped, .lang = one->lang, .interpreter = one->interpreter};
            symboliser->candidate_frames[count++] = span->first + i;
        }
    }
    if (count == 0) {
        return 0;
    }
    const size_t chosen = cairn_site_rule_choose(symboliser->candidates, count, false);
    struct function_frame *site = &symboliser->function_frames[symboliser->candidate_frames[chosen]];
    stack->site = site->frame;
    wish_for_excerpt(symboliser, site);
    return stack->site;
}

static void charge_account(struct cairn_symboliser *symboliser, uint32_t account, uint32_t stack)
{
    const uint32_t frame = site_of_stack(symboliser, stack);
    if (frame == 0) {
        return;
    }
    struct cairn_account_site *sites =
        cairn_grown(symboliser->sites, &symboliser->site_capacity, symboliser->site_count, sizeof *sites);
    if (!sites) {
        return;
    }
    symboliser->sites = sites;
    sites[symboliser->site_count++] = (struct cairn_account_site){.account = account, .frame = frame};
    if (symboliser->site_count >= SITES_A_MESSAGE) {
        send_batch(symboliser); /* frames before the accounts that name them */
        send_sites(symboliser);
    }
}

static void resolve(struct cairn_symboliser *symboliser, const struct cairn_unresolved *work)
{
    for (size_t i = 0; i < work->module_count; i++) {
        add_module(symboliser, &work->modules[i]);
    }
    for (size_t i = 0; i < work->frame_count; i++) {
        resolve_frame(symboliser, &work->frames[i]);
    }
    for (size_t i = 0; i < work->python_frame_count; i++) {
        resolve_python_frame(symboliser, &work->python_frames[i]);
    }
    for (size_t i = 0; i < work->stack_count; i++) {
        add_stack(symboliser, &work->stacks[i]);
    }
    for (size_t i = 0; i < work->account_count; i++) {
        charge_account(symboliser, work->accounts[i].account, work->accounts[i].frame);
    }
    cairn_excerpts_read(&symboliser->excerpts, symboliser->names.files, keep_line, symboliser);
    send_batch(symboliser);
    send_sites(symboliser);
}

static void *symboliser_thread(void *state)
{
    cairn_pipeline_enter_stage("cairn-names");
    struct cairn_symboliser *symboliser = state;
    for (;;) {
        pthread_mutex_lock(&symboliser->lock);
        symboliser->busy = false;
        pthread_cond_broadcast(&symboliser->changed);
        while (cairn_unresolved_is_empty(&symboliser->unresolved) && !symboliser->ending) {
            pthread_cond_wait(&symboliser->changed, &symboliser->lock);
        }
        struct cairn_unresolved work = cairn_unresolved_take(&symboliser->unresolved);
        symboliser->busy = true;
        pthread_mutex_unlock(&symboliser->lock);
        if (cairn_unresolved_is_empty(&work)) {
            cairn_unresolved_release(&work);
            break;
        }
        resolve(symboliser, &work);
        cairn_unresolved_release(&work);
    }
    pthread_mutex_lock(&symboliser->lock);
    symboliser->ended = true;
    pthread_cond_broadcast(&symboliser->changed);
    pthread_mutex_unlock(&symboliser->lock);
    /* Takes some milliseconds, which the store needs for the last rows. */
    cairn_symbols_free(symboliser->symbols);
    symboliser->symbols = NULL;
    return NULL;
}

enum cairn_status cairn_symboliser_start(struct cairn_pipeline *pipeline, _Atomic uint32_t *next_frame,
                                         bool excerpts, struct cairn_symboliser **symboliser,
                                         struct cairn_error *error)
{
    struct cairn_symboliser *made = calloc(1, sizeof *made);
    if (!made) {
        return cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    }
    made->pipeline = pipeline;
    made->next_frame = next_frame;
    made->read_sources = excerpts;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->candidates = malloc(MAX_SITE_FRAMES * sizeof *made->candidates);
    made->candidate_frames = malloc(MAX_SITE_FRAMES * sizeof *made->candidate_frames);
    enum cairn_status status = CAIRN_OK;
    if (!made->candidates || !made->candidate_frames) {
        status = cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    }
    if (status == CAIRN_OK) {
        status = cairn_symbols_new(&made->symbols, error);
    }
    if (status == CAIRN_OK && pipeline->sample_bytes >= FEW_NAMES_BYTES) {
        cairn_symbols_expect_few(made->symbols, HEAD_BYTES);
    }
    if (status == CAIRN_OK) {
        status = cairn_site_rule_new(true, NULL, 0, &made->rule, error);
    }
    if (status == CAIRN_OK) {
        made->started = pthread_create(&made->thread, NULL, symboliser_thread, made) == 0;
        if (!made->started) {
            status = cairn_fail(error, CAIRN_E_SYSTEM, "cannot start a thread for the recorder");
        }
    }
    if (status != CAIRN_OK) {
        cairn_symboliser_free(made);
        return status;
    }
    *symboliser = made;
    return CAIRN_OK;
}

bool cairn_symboliser_wait(struct cairn_symboliser *symboliser, int64_t most_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t end_ns = until.tv_nsec + most_ns;
    until.tv_sec += end_ns / 1000000000;
    until.tv_nsec = end_ns % 1000000000;
    pthread_mutex_lock(&symboliser->lock);
    int waited = 0;
    while (waited == 0 && (symboliser->busy || !cairn_unresolved_is_empty(&symboliser->unresolved))) {
        waited = pthread_cond_clockwait(&symboliser->changed, &symboliser->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&symboliser->lock);
    return waited == 0;
}

void cairn_symboliser_finish(struct cairn_symboliser *symboliser)
{
    pthread_mutex_lock(&symboliser->lock);
    symboliser->ending = true;
    pthread_cond_broadcast(&symboliser->changed);
    while (!symboliser->ended) {
        pthread_cond_wait(&symboliser->changed, &symboliser->lock);
    }
    pthread_mutex_unlock(&symboliser->lock);
}

void cairn_symboliser_free(struct cairn_symboliser *symboliser)
{
    if (!symboliser) {
        return;
    }
    if (symboliser->started) {
        pthread_join(symboliser->thread, NULL);
    }
    cairn_symbols_free(symboliser->symbols);
    cairn_site_rule_free(symboliser->rule);
    cairn_unresolved_release(&symboliser->unresolved);
    pthread_cond_destroy(&symboliser->changed);
    pthread_mutex_destroy(&symboliser->lock);
    cairn_arena_release(&symboliser->texts);
    free(symboliser->modules);
    free(symboliser->spans);
    free(symboliser->function_frames);
    free(symboliser->stacks);
    cairn_names_release(&symboliser->names);
    cairn_excerpts_release(&symboliser->excerpts);
    cairn_batch_free(symboliser->batch);
    free(symboliser->sites);
    free(symboliser->candidates);
    free(symboliser->candidate_frames);
    free(symboliser);
}
