#include "cli/choose.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX ".cairn"

static bool has_suffix(const char *name)
{
    const size_t length = strlen(name);
    return length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static int64_t changed_ns(const struct stat *about)
{
    return (int64_t)about->st_mtim.tv_sec * 1000000000 + about->st_mtim.tv_nsec;
}

static int compare_newest(const void *a, const void *b)
{
    const struct cairn_folder_trace *left = a, *right = b;
    if (left->changed_ns != right->changed_ns) {
        return left->changed_ns < right->changed_ns ? 1 : -1;
    }
    return strcmp(left->path, right->path);
}

/* A recording that still runs touches its WAL more often than the file. */
static bool describe(const char *name, struct cairn_folder_trace *trace)
{
    struct stat about;
    if (stat(name, &about) != 0 || !S_ISREG(about.st_mode)) {
        return false;
    }
    trace->changed_ns = changed_ns(&about);
    char wal[PATH_MAX];
    if ((size_t)snprintf(wal, sizeof wal, "%s-wal", name) < sizeof wal && stat(wal, &about) == 0 &&
        changed_ns(&about) > trace->changed_ns) {
        trace->changed_ns = changed_ns(&about);
    }
    return true;
}

static enum cairn_status append(struct cairn_arena *arena, struct cairn_folder_trace **rows, size_t *count,
                                size_t *capacity, const struct cairn_folder_trace *trace,
                                struct cairn_error *error)
{
    if (*count == *capacity) {
        const size_t grown = *capacity == 0 ? 16 : *capacity * 2;
        struct cairn_folder_trace *more = cairn_arena_alloc(arena, grown * sizeof *more);
        if (more == NULL) {
            return cairn_fail(error, CAIRN_E_NOMEM, "the traces of this folder: out of memory");
        }
        if (*count > 0) {
            memcpy(more, *rows, *count * sizeof *more);
        }
        *rows = more;
        *capacity = grown;
    }
    (*rows)[(*count)++] = *trace;
    return CAIRN_OK;
}

enum cairn_status cairn_folder_traces(struct cairn_arena *arena, struct cairn_folder_trace **rows,
                                      size_t *count, struct cairn_error *error)
{
    *rows = NULL;
    *count = 0;
    DIR *folder = opendir(".");
    if (folder == NULL) {
        return cairn_fail_errno(error, "this folder cannot be read");
    }
    size_t capacity = 0;
    enum cairn_status status = CAIRN_OK;
    const struct dirent *entry;
    while (status == CAIRN_OK && (entry = readdir(folder)) != NULL) {
        struct cairn_folder_trace trace;
        if (!has_suffix(entry->d_name) || !describe(entry->d_name, &trace)) {
            continue;
        }
        trace.path = cairn_arena_copy(arena, entry->d_name, strlen(entry->d_name));
        status = trace.path == NULL
                     ? cairn_fail(error, CAIRN_E_NOMEM, "the traces of this folder: out of memory")
                     : append(arena, rows, count, &capacity, &trace, error);
    }
    closedir(folder);
    if (status == CAIRN_OK && *count > 1) {
        qsort(*rows, *count, sizeof **rows, compare_newest);
    }
    return status;
}

static bool is_number(const char *word)
{
    return word[0] != '\0' && strlen(word) < 9 && strspn(word, "0123456789") == strlen(word);
}

static bool is_there(const char *word)
{
    struct stat about;
    return stat(word, &about) == 0;
}

enum cairn_status cairn_choose_trace(struct cairn_arena *arena, const char *word, const char **path,
                                     struct cairn_error *error)
{
    if (word != NULL && word[0] == '\0') {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "the trace's name is empty: `cairn` lists those of this folder");
    }
    const bool by_number = word != NULL && is_number(word) && !is_there(word);
    if (word != NULL && !by_number) {
        *path = word;
        return CAIRN_OK;
    }
    struct cairn_folder_trace *rows;
    size_t count;
    const enum cairn_status status = cairn_folder_traces(arena, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (count == 0) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "no trace: there is no *.cairn file in this folder; name one, or make one with "
                          "`cairn record -- PROGRAM`");
    }
    const size_t number = by_number ? strtoul(word, NULL, 10) : 1;
    if (number < 1 || number > count) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND, "trace %s: this folder has %zu: `cairn` lists them", word,
                          count);
    }
    *path = rows[number - 1].path;
    return CAIRN_OK;
}

bool cairn_is_trace_word(const char *word)
{
    struct stat about;
    return has_suffix(word) || (stat(word, &about) == 0 && !S_ISDIR(about.st_mode));
}
