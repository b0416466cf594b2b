/* The command line (`:`) and the prompts for a TIME and a filter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/human.h"
#include "view/app.h"
#include "view/commands.h"
#include "view/graphs.h"

struct command {
    const char *name, *argument, *help;
    void (*run)(struct cairn_app *app, const char *argument);
    /* The i-th word an argument may be, NULL behind the last one. */
    const char *(*words)(struct cairn_app *app, size_t index);
};

/* --- Words. --- */

static const char *theme_words(struct cairn_app *app, size_t index)
{
    (void)app;
    const struct cairn_theme *theme = cairn_theme_at(index);
    return theme != NULL ? theme->name : NULL;
}

static const char *by_words(struct cairn_app *app, size_t index)
{
    (void)app;
    return index < CAIRN_BY_COUNT ? cairn_by_name((enum cairn_by)index) : NULL;
}

static const char *metric_words(struct cairn_app *app, size_t index)
{
    (void)app;
    return index < CAIRN_METRIC_COUNT ? cairn_metric_name((enum cairn_metric)index) : NULL;
}

static const char *lang_words(struct cairn_app *app, size_t index)
{
    (void)app;
    static const char *const words[] = {"all", "native", "python"};
    return index < 3 ? words[index] : NULL;
}

static const char *memory_words(struct cairn_app *app, size_t index)
{
    (void)app;
    static const char *const words[] = {"heap", "mapped"};
    return index < 2 ? words[index] : NULL;
}

static const char *switch_words(struct cairn_app *app, size_t index)
{
    (void)app;
    static const char *const words[] = {"ascii", "mouse", "noascii", "nomouse", "nosource", "source"};
    return index < sizeof(words) / sizeof(words[0]) ? words[index] : NULL;
}

static const char *sort_words(struct cairn_app *app, size_t index)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    const struct cairn_outline *outline = screen->class->outline(screen);
    for (size_t i = 0; outline != NULL && i < outline->column_count; i++)
        if (outline->columns[i].sort != NULL && index-- == 0)
            return outline->columns[i].sort;
    return NULL;
}

static const char *screen_words(struct cairn_app *app, size_t index)
{
    (void)app;
    const struct cairn_screen_class *class;
    for (size_t i = 0; (class = cairn_screen_class_at(i)) != NULL; i++)
        if (class->digit != 0 && index-- == 0)
            return class->name;
    return NULL;
}

static const char *time_words(struct cairn_app *app, size_t index)
{
    static const char *const words[] = {"start", "end", "peak"};
    if (index < 3)
        return words[index];
    index -= 3;
    for (size_t i = 0; i < app->facts.snapshot_count; i++) {
        const struct cairn_fact_snapshot *snapshot = &app->facts.snapshots[i];
        if (snapshot->name[0] == '\0' || index-- != 0)
            continue;
        snprintf(app->completion, sizeof(app->completion), "@%s", snapshot->name);
        return app->completion;
    }
    return NULL;
}

static const char *graph_words(struct cairn_app *app, size_t index)
{
    for (size_t i = 0; i < app->facts.graph_count; i++) {
        const struct cairn_fact_graph *graph = &app->facts.graphs[i];
        if (graph->name[0] == '\0' || index-- != 0)
            continue;
        snprintf(app->completion, sizeof(app->completion), "@%s", graph->name);
        return app->completion;
    }
    return NULL;
}

static const char *bookmark_words(struct cairn_app *app, size_t index)
{
    return index < app->bookmarks.count ? app->bookmarks.items[index].name : NULL;
}

/* --- What commands do. --- */

static void run_theme(struct cairn_app *app, const char *argument)
{
    const struct cairn_theme *theme = cairn_theme_find(argument);
    if (theme == NULL) {
        cairn_app_complain(app, "there is no theme %s: default, light, mono, safe", argument);
        return;
    }
    cairn_app_set_theme(app, theme, true);
    cairn_app_say(app, "theme %s: %s", theme->name, theme->summary);
}

static void run_by(struct cairn_app *app, const char *argument)
{
    const int by = cairn_by_parse(argument);
    if (by < 0) {
        cairn_app_complain(
            app, "%s is no grouping: function, line, file, module, stack, thread, type, process", argument);
        return;
    }
    app->question.by = (enum cairn_by)by;
    cairn_app_ask(app);
}

static void run_metric(struct cairn_app *app, const char *argument)
{
    const int metric = cairn_metric_parse(argument);
    if (metric < 0) {
        cairn_app_complain(app, "%s is no metric: live, allocated, allocations, temporary, peak", argument);
        return;
    }
    if (!cairn_facts_know(&app->facts, (enum cairn_metric)metric)) {
        cairn_app_complain(app, "this imported trace tells no allocations: live and peak are what it knows");
        return;
    }
    app->question.metric = (enum cairn_metric)metric;
    cairn_app_ask(app);
}

static void run_lang(struct cairn_app *app, const char *argument)
{
    for (size_t i = 0; i < 3; i++)
        if (strcmp(lang_words(app, i), argument) == 0) {
            app->question.lang = (enum cairn_lang_choice)i;
            cairn_app_ask(app);
            return;
        }
    cairn_app_complain(app, "%s is no language: all, native, python", argument);
}

static void run_memory(struct cairn_app *app, const char *argument)
{
    for (size_t i = 0; i < 2; i++)
        if (strcmp(memory_words(app, i), argument) == 0) {
            app->question.memory = (enum cairn_memory)i;
            cairn_app_ask(app);
            return;
        }
    cairn_app_complain(app, "%s is no memory: heap, mapped", argument);
}

static void run_process(struct cairn_app *app, const char *argument)
{
    char *end;
    const long number = strtol(argument, &end, 10);
    if (argument[0] == '\0') {
        cairn_app_pick_process(app);
        return;
    }
    const struct cairn_fact_process *found = NULL;
    for (size_t i = 0; *end == '\0' && i < app->facts.process_count; i++) {
        const struct cairn_fact_process *process = &app->facts.processes[i];
        if (process->process == number || (found == NULL && process->pid == number))
            found = process;
    }
    if (found == NULL && strcmp(argument, "all") != 0) {
        cairn_app_complain(app, "there is no process %s: P lists those that are there", argument);
        return;
    }
    cairn_app_set_process(app, found != NULL ? found->process : 0);
}

static void run_sort(struct cairn_app *app, const char *argument)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    struct cairn_outline *outline = screen->class->outline(screen);
    if (outline == NULL || !cairn_outline_sort_by(outline, argument))
        cairn_app_complain(app, "this screen does not sort by %s", argument);
}

static void run_at(struct cairn_app *app, const char *argument)
{
    cairn_app_go_to_word(app, argument, '@');
}

static void run_a(struct cairn_app *app, const char *argument)
{
    cairn_app_go_to_word(app, argument, 'a');
}

static void run_b(struct cairn_app *app, const char *argument)
{
    cairn_app_go_to_word(app, argument, 'b');
}

static void run_screen(struct cairn_app *app, const char *argument)
{
    const struct cairn_screen_class *class;
    for (size_t i = 0; (class = cairn_screen_class_at(i)) != NULL; i++)
        if (class->digit != 0 && strcasecmp(class->name, argument) == 0) {
            cairn_app_show(app, class->digit);
            return;
        }
    cairn_app_complain(app, "there is no screen %s", argument);
}

static void run_set(struct cairn_app *app, const char *argument)
{
    const bool on = strncmp(argument, "no", 2) != 0;
    const char *name = on ? argument : argument + 2;
    if (strcmp(name, "ascii") == 0) {
        app->canvas.ascii = on;
        app->redraw_all = true;
    } else if (strcmp(name, "source") == 0) {
        app->source_shown = on;
    } else if (strcmp(name, "mouse") == 0) {
        app->mouse_on = on;
        if (app->terminal != NULL)
            cairn_terminal_mouse(app->terminal, on);
    } else {
        cairn_app_complain(app, "%s cannot be set: ascii, mouse, source, or no in front of them", argument);
    }
}

static void run_write(struct cairn_app *app, const char *argument)
{
    if (argument[0] == '\0')
        cairn_app_write_prompt(app);
    else
        cairn_app_write(app, argument, false);
}

static void run_help(struct cairn_app *app, const char *argument)
{
    (void)argument;
    cairn_app_help(app);
}

static void run_quit(struct cairn_app *app, const char *argument)
{
    (void)argument;
    app->quit = true;
}

/* --- :cache --- */

struct cache_job {
    struct cairn_job job;
    struct cairn_lru_stats stats;
};

static enum cairn_status run_cache_job(struct cairn_job *job, struct cairn_reader *reader)
{
    cairn_trace_cache_stats(cairn_reader_trace(reader), &((struct cache_job *)job)->stats);
    return CAIRN_OK;
}

static void deliver_cache(struct cairn_job *job, void *receiver)
{
    const struct cairn_lru_stats *stats = &((struct cache_job *)job)->stats;
    char used[CAIRN_HUMAN_MAX], limit[CAIRN_HUMAN_MAX];
    cairn_app_say(receiver,
                  "decoded chunks and states: %s of %s in %zu entries; %llu hits, %llu misses, %llu evicted",
                  cairn_human_bytes(used, (int64_t)stats->used_bytes),
                  cairn_human_bytes(limit, (int64_t)stats->limit_bytes), stats->entries,
                  (unsigned long long)stats->hits, (unsigned long long)stats->misses,
                  (unsigned long long)stats->evictions);
}

static void release_cache(struct cairn_job *job)
{
    free(job);
}

static const struct cairn_job_class cache_job_class = {
    .rank = 0, .run = run_cache_job, .deliver = deliver_cache, .release = release_cache};

static void run_cache(struct cairn_app *app, const char *argument)
{
    (void)argument;
    struct cache_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &cache_job_class;
    cairn_app_post(app, &job->job);
}

/* --- The table. --- */

static const struct command commands[] = {
    {"a", "TIME", "set moment A", run_a, time_words},
    {"at", "TIME", "go to a moment", run_at, time_words},
    {"b", "TIME", "set moment B", run_b, time_words},
    {"bookmark", "NAME", "keep this moment, A, B and the screen", cairn_app_bookmark, bookmark_words},
    {"by", "WORD", "group rows", run_by, by_words},
    {"cache", "", "the cache of decoded chunks", run_cache, NULL},
    {"filter", "REGEX", "only stacks with a frame that matches", cairn_app_set_filter, NULL},
    {"forget", "NAME", "drop a bookmark", cairn_app_forget_bookmark, bookmark_words},
    {"graph", "[N|@NAME]", "which object graph", cairn_app_choose_graph, graph_words},
    {"help", "", "the keys of this screen", run_help, NULL},
    {"lang", "WORD", "language of the frames", run_lang, lang_words},
    {"memory", "WORD", "heap, or the program's own mappings", run_memory, memory_words},
    {"metric", "WORD", "what ranks the rows", run_metric, metric_words},
    {"process", "N|PID|all", "which process", run_process, NULL},
    {"quit", "", "leave", run_quit, NULL},
    {"screen", "NAME", "show a screen", run_screen, screen_words},
    {"set", "NAME|noNAME", "ascii, mouse, source", run_set, switch_words},
    {"sort", "COLUMN", "sort the rows", run_sort, sort_words},
    {"theme", "NAME", "colours", run_theme, theme_words},
    {"write", "FILE", "write the screen: .txt, .csv, .json", run_write, NULL},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

bool cairn_command_at(size_t index, struct cairn_command_facts *facts)
{
    if (index >= COMMAND_COUNT)
        return false;
    *facts = (struct cairn_command_facts){
        .name = commands[index].name, .argument = commands[index].argument, .help = commands[index].help};
    return true;
}

static const struct command *find_command(const char *name, size_t length)
{
    const struct command *found = NULL;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strncmp(commands[i].name, name, length) != 0)
            continue;
        if (commands[i].name[length] == '\0')
            return &commands[i];
        /* A beginning will do where it is the only one. */
        if (found != NULL)
            return NULL;
        found = &commands[i];
    }
    return found;
}

void cairn_app_run_command(struct cairn_app *app, const char *line)
{
    line += strspn(line, " ");
    const size_t length = strcspn(line, " ");
    if (length == 0)
        return;
    const struct command *command = find_command(line, length);
    if (command == NULL && (strcmp(line, "q") == 0 || strcmp(line, "q!") == 0))
        command = find_command("quit", 4);
    if (command == NULL) {
        cairn_app_complain(app, "there is no command %.*s: Tab shows those there are", (int)length, line);
        return;
    }
    char argument[CAIRN_PROMPT_MAX];
    snprintf(argument, sizeof(argument), "%s", line + length + strspn(line + length, " "));
    size_t end = strlen(argument);
    while (end > 0 && argument[end - 1] == ' ')
        argument[--end] = '\0';
    if (command->words != NULL && argument[0] == '\0' && command->argument[0] != '[') {
        cairn_app_complain(app, ":%s %s: %s", command->name, command->argument, command->help);
        return;
    }
    command->run(app, argument);
}

/* The index-th of the words that begin as the typed one does. */
static const char *nth_match(struct cairn_app *app, const char *(*words)(struct cairn_app *, size_t),
                             const char *typed, size_t index)
{
    const char *word;
    for (size_t i = 0; (word = words(app, i)) != NULL; i++)
        if (strncasecmp(word, typed, strlen(typed)) == 0 && index-- == 0)
            return word;
    return NULL;
}

static const char *command_words(struct cairn_app *app, size_t index)
{
    (void)app;
    return index < COMMAND_COUNT ? commands[index].name : NULL;
}

static const char *complete_command(struct cairn_app *app, const char *text, size_t *from, size_t index)
{
    const char *space = strchr(text, ' ');
    if (space == NULL) {
        *from = 0;
        return nth_match(app, command_words, text, index);
    }
    const struct command *command = find_command(text, (size_t)(space - text));
    *from = (size_t)(space - text) + 1;
    return command == NULL || command->words == NULL ? NULL
                                                     : nth_match(app, command->words, space + 1, index);
}

/* What the words of `text` mean that complete_command() offers. */
static void describe_command(const char *text, const char *word, struct cairn_buffer *out)
{
    const struct command *command = strchr(text, ' ') == NULL ? find_command(word, strlen(word)) : NULL;
    if (command != NULL)
        cairn_buffer_format(out, "%-14s %s", command->argument, command->help);
}

static const char *complete_time(struct cairn_app *app, const char *text, size_t *from, size_t index)
{
    *from = 0;
    return nth_match(app, time_words, text, index);
}

static const struct cairn_prompt_class command_prompt = {.kind = CAIRN_PROMPT_COMMAND,
                                                         .label = ":",
                                                         .done = cairn_app_run_command,
                                                         .complete = complete_command,
                                                         .describe = describe_command};

void cairn_app_command_prompt(struct cairn_app *app)
{
    cairn_prompt_open(&app->prompt, &command_prompt, NULL, "");
}

static void entered_time(struct cairn_app *app, const char *text)
{
    if (text[0] != '\0')
        cairn_app_go_to_word(app, text, '@');
}

static const struct cairn_prompt_class time_prompt = {
    .kind = CAIRN_PROMPT_TIME, .label = "go to TIME: ", .done = entered_time, .complete = complete_time};

void cairn_app_time_prompt(struct cairn_app *app)
{
    cairn_prompt_open(&app->prompt, &time_prompt, NULL, "");
}

static const struct cairn_prompt_class filter_prompt = {
    .kind = CAIRN_PROMPT_FILTER, .label = "only stacks with: ", .done = cairn_app_set_filter};

void cairn_app_filter_prompt(struct cairn_app *app)
{
    cairn_prompt_open(&app->prompt, &filter_prompt, NULL, app->question.filter);
}
