#include "query/moment_names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/sanitise.h"

#define NAMES_SHOWN  10u
#define RANGES_SHOWN 12u

/* The name one types after "@", or NULL: marks have one of their own, the exit graph's snapshot is "exit". */
static const char *name_of(const struct cairn_snapshot *snapshot)
{
    if (snapshot->name && snapshot->name[0]) {
        return snapshot->name;
    }
    return strcmp(snapshot->kind, "exit") == 0 ? snapshot->kind : NULL;
}

/* `process` 0: of any. */
static const struct cairn_snapshot *find_nth(const char *name, size_t length, uint64_t nth, uint32_t process,
                                             const struct cairn_snapshot *snapshots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *its = name_of(&snapshots[i]);
        if (its && strlen(its) == length && memcmp(its, name, length) == 0 &&
            (process == 0 || snapshots[i].process == process) && --nth == 0) {
            return &snapshots[i];
        }
    }
    return NULL;
}

const struct cairn_snapshot *cairn_moment_find_mark(const char *name, uint32_t process,
                                                    const struct cairn_snapshot *snapshots, size_t count)
{
    const struct cairn_snapshot *found = find_nth(name, strlen(name), 1, process, snapshots, count);
    const char *hash = strrchr(name, '#');
    if (!found && hash && hash[1] && strspn(hash + 1, "0123456789") == strlen(hash + 1)) {
        found =
            find_nth(name, (size_t)(hash - name), strtoull(hash + 1, NULL, 10), process, snapshots, count);
    }
    return found || process == 0 ? found : cairn_moment_find_mark(name, 0, snapshots, count);
}

enum cairn_status cairn_moment_main_process(struct cairn_trace *trace, uint32_t *process,
                                            struct cairn_error *error)
{
    const struct cairn_process *rows;
    size_t count;
    const enum cairn_status status = cairn_trace_processes(trace, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    *process = count ? rows[0].process : 0;
    for (size_t i = 1; i < count; i++) {
        if (rows[i].pid == rows[0].pid && strcmp(rows[i].origin, "exec") == 0) {
            *process = rows[i].process;
        }
    }
    return CAIRN_OK;
}

static bool named_before(const char *name, const struct cairn_snapshot *snapshots, size_t count)
{
    return find_nth(name, strlen(name), 1, 0, snapshots, count) != NULL;
}

enum cairn_status cairn_moment_no_mark(const char *name, const struct cairn_snapshot *snapshots, size_t count,
                                       struct cairn_error *error)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    size_t shown = 0, more = 0;
    char clean[64];
    for (size_t i = 0; i < count; i++) {
        const char *its = name_of(&snapshots[i]);
        if (!its) {
            continue;
        }
        if (shown == NAMES_SHOWN) {
            more++;
        } else if (!named_before(its, snapshots, i)) {
            cairn_sanitise(clean, sizeof(clean), its, strlen(its));
            cairn_buffer_format(&text, "%s@%s", shown++ ? ", " : "", clean);
        }
    }
    if (more) {
        cairn_buffer_text(&text, ", …");
    }
    cairn_sanitise(clean, sizeof(clean), name, strlen(name));
    if (shown) {
        cairn_fail(error, CAIRN_E_NOT_FOUND, "there is no mark @%s: this recording has %s", clean,
                   cairn_buffer_cstr(&text));
    } else {
        cairn_fail(error, CAIRN_E_NOT_FOUND,
                   "there is no mark @%s: this recording has none (a program sets them with cairn_mark())",
                   clean);
    }
    cairn_buffer_release(&text);
    return CAIRN_E_NOT_FOUND;
}

enum cairn_status cairn_moment_no_snapshot(const char *word, const struct cairn_snapshot *snapshots,
                                           size_t count, struct cairn_error *error)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    size_t ranges = 0, i = 0;
    while (i < count && ranges < RANGES_SHOWN) {
        size_t last = i;
        while (last + 1 < count && snapshots[last + 1].snapshot == snapshots[last].snapshot + 1) {
            last++;
        }
        cairn_buffer_format(&text, "%ss%" PRIu32, ranges++ ? ", " : "", snapshots[i].snapshot);
        if (last > i) {
            cairn_buffer_format(&text, "%ss%" PRIu32, last > i + 1 ? "…" : ", ", snapshots[last].snapshot);
        }
        i = last + 1;
    }
    if (i < count) {
        cairn_buffer_format(&text, ", … s%" PRIu32, snapshots[count - 1].snapshot);
    }
    char clean[64];
    cairn_sanitise(clean, sizeof(clean), word, strlen(word));
    cairn_fail(error, CAIRN_E_NOT_FOUND, "there is no snapshot %s: this recording has %s", clean,
               count ? cairn_buffer_cstr(&text) : "none");
    cairn_buffer_release(&text);
    return CAIRN_E_NOT_FOUND;
}
