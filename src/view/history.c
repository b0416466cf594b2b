/* Lines entered at prompts, kept in $XDG_STATE_HOME/cairn/history: one a line, its kind as a letter in front. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "view/prompt.h"

static const char kind_letters[] = {
    [CAIRN_PROMPT_SEARCH] = '/',  [CAIRN_PROMPT_FILTER] = '&', [CAIRN_PROMPT_COMMAND] = ':',
    [CAIRN_PROMPT_TIME] = '@',    [CAIRN_PROMPT_FILE] = 'W',   [CAIRN_PROMPT_SQL] = ';',
    [CAIRN_PROMPT_BOOKMARK] = 'B'};

void cairn_history_add(struct cairn_history *history, enum cairn_prompt_kind kind, const char *text)
{
    if (text[0] == '\0')
        return;
    size_t kept = 0;
    for (size_t i = 0; i < history->count; i++) {
        if (history->lines[i].kind == kind && strcmp(history->lines[i].text, text) == 0)
            free(history->lines[i].text);
        else
            history->lines[kept++] = history->lines[i];
    }
    history->count = kept;
    char *copy = strdup(text);
    if (copy == NULL)
        return;
    if (history->count == CAIRN_HISTORY_MAX) {
        free(history->lines[0].text);
        memmove(history->lines, history->lines + 1, (CAIRN_HISTORY_MAX - 1) * sizeof(history->lines[0]));
        history->count--;
    }
    history->lines[history->count++] = (struct cairn_history_line){.kind = kind, .text = copy};
}

const char *cairn_history_line(const struct cairn_history *history, enum cairn_prompt_kind kind, size_t n)
{
    for (size_t i = history->count; i > 0; i--)
        if (history->lines[i - 1].kind == kind && --n == 0)
            return history->lines[i - 1].text;
    return NULL;
}

void cairn_history_load(struct cairn_history *history, char *path)
{
    *history = (struct cairn_history){.path = path};
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL)
        return;
    char line[CAIRN_PROMPT_MAX + 2];
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        for (size_t kind = 0; kind < sizeof(kind_letters); kind++)
            if (line[0] == kind_letters[kind])
                cairn_history_add(history, (enum cairn_prompt_kind)kind, line + 1);
    }
    fclose(file);
}

void cairn_make_folders(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof(folder), "%s", path);
    for (char *slash = folder + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(folder, 0700);
        *slash = '/';
    }
}

void cairn_history_save(struct cairn_history *history)
{
    if (history->path != NULL && history->count > 0) {
        cairn_make_folders(history->path);
        char temporary[4096];
        snprintf(temporary, sizeof(temporary), "%s.new", history->path);
        FILE *file = fopen(temporary, "we");
        for (size_t i = 0; file != NULL && i < history->count; i++)
            fprintf(file, "%c%s\n", kind_letters[history->lines[i].kind], history->lines[i].text);
        /* A history that cannot be kept is no reason to complain at the end. */
        if (file != NULL && fclose(file) == 0)
            rename(temporary, history->path);
    }
    for (size_t i = 0; i < history->count; i++)
        free(history->lines[i].text);
    free(history->path);
    *history = (struct cairn_history){.path = NULL};
}
