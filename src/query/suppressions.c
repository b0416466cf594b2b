#include "query/suppressions.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sanitise.h"
#include "query/no_memory.h"
#include "query/stack_judge.h"

#define FILE_LIMIT_BYTES    ((off_t)1 << 20)
#define PATTERN_LIMIT_COUNT 10000u

struct cairn_suppressions {
    char *text; /* patterns point into it */
    const char **patterns;
    size_t count;
};

void cairn_suppressions_free(struct cairn_suppressions *suppressions)
{
    if (!suppressions) {
        return;
    }
    free(suppressions->text);
    free(suppressions->patterns);
    free(suppressions);
}

static enum cairn_status read_file(const char *path, char **text, struct cairn_error *error)
{
    char clean[256];
    cairn_sanitise(clean, sizeof(clean), path, strlen(path));
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    if (fd < 0) {
        return cairn_fail_errno(error, "cannot read suppressions %s", clean);
    }
    enum cairn_status status = CAIRN_OK;
    char *made = NULL;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size > FILE_LIMIT_BYTES) {
        status = cairn_fail(error, CAIRN_E_USAGE,
                            "cannot read suppressions %s: it must be a regular file of at most 1 MiB", clean);
    } else if (!(made = calloc((size_t)about.st_size + 1, 1))) {
        status = cairn_no_memory(error, "the suppressions");
    } else if (read(fd, made, (size_t)about.st_size) != about.st_size) {
        status = cairn_fail_errno(error, "cannot read suppressions %s", clean);
    }
    close(fd);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *text = made;
    return CAIRN_OK;
}

/* Cuts white space from both ends, in place. */
static char *trim(char *line)
{
    line += strspn(line, " \t\r");
    size_t length = strlen(line);
    while (length && strchr(" \t\r", line[length - 1])) {
        line[--length] = '\0';
    }
    return line;
}

static enum cairn_status add_line(struct cairn_suppressions *suppressions, char *line, size_t number,
                                  const char *path, struct cairn_error *error)
{
    line = trim(line);
    if (*line == '\0' || *line == '#') {
        return CAIRN_OK;
    }
    if (strncmp(line, "leak:", 5) != 0 || line[5] == '\0') {
        char clean_path[128], clean_line[128];
        cairn_sanitise(clean_path, sizeof(clean_path), path, strlen(path));
        cairn_sanitise(clean_line, sizeof(clean_line), line, strlen(line));
        return cairn_fail(error, CAIRN_E_USAGE, "%s:%zu: \"%s\" is no suppression: lines are leak:PATTERN",
                          clean_path, number, clean_line);
    }
    if (suppressions->count == PATTERN_LIMIT_COUNT) {
        return cairn_fail(error, CAIRN_E_LIMIT, "more than %u suppressions", PATTERN_LIMIT_COUNT);
    }
    suppressions->patterns[suppressions->count++] = line + 5;
    return CAIRN_OK;
}

enum cairn_status cairn_suppressions_load(const char *path, struct cairn_suppressions **suppressions,
                                          struct cairn_error *error)
{
    struct cairn_suppressions *made = calloc(1, sizeof(*made));
    if (made) {
        made->patterns = calloc(PATTERN_LIMIT_COUNT, sizeof(*made->patterns));
    }
    enum cairn_status status = made && made->patterns ? read_file(path, &made->text, error)
                                                      : cairn_no_memory(error, "the suppressions");
    char *rest = made ? made->text : NULL, *line;
    for (size_t number = 1; status == CAIRN_OK && (line = strsep(&rest, "\n")) != NULL; number++) {
        status = add_line(made, line, number, path, error);
    }
    if (status != CAIRN_OK) {
        cairn_suppressions_free(made);
        return status;
    }
    *suppressions = made;
    return CAIRN_OK;
}

bool cairn_suppression_matches(const char *pattern, const char *text)
{
    const bool from_start = *pattern == '^';
    pattern += from_start;
    /* `pattern` and `text` go back here when what follows the last star fits nowhere. */
    const char *star = from_start ? NULL : pattern, *mark = text;
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            mark = text;
        } else if (*pattern == '\0' || (pattern[0] == '$' && pattern[1] == '\0' && *text == '\0')) {
            return true;
        } else if (*text && *pattern == *text) {
            pattern++;
            text++;
        } else if (star && *mark) {
            pattern = star;
            text = ++mark;
        } else {
            return false;
        }
    }
}

static bool matches_any(const struct cairn_suppressions *suppressions, const char *text)
{
    for (size_t i = 0; text && i < suppressions->count; i++) {
        if (cairn_suppression_matches(suppressions->patterns[i], text)) {
            return true;
        }
    }
    return false;
}

static uint8_t judge_frame(const void *state, struct cairn_trace *trace, const struct cairn_frame *frame)
{
    const struct cairn_suppressions *suppressions = state;
    const struct cairn_frame_texts texts = cairn_frame_texts(trace, frame);
    return matches_any(suppressions, texts.function) || matches_any(suppressions, texts.file) ||
           matches_any(suppressions, texts.module);
}

enum cairn_status cairn_suppressions_accounts(const struct cairn_suppressions *suppressions,
                                              struct cairn_trace *trace, uint8_t **suppressed,
                                              struct cairn_error *error)
{
    return cairn_judge_accounts(trace, judge_frame, suppressions, suppressed, error);
}
