/* Numbers for names: functions and source files as rows of the trace, each name once. Used by one thread. */
#ifndef CAIRN_COLLECTOR_NAMES_H
#define CAIRN_COLLECTOR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "collector/table.h"
#include "trace/rows.h"

struct cairn_known_function {
    const char *name, *linkage_name; /* linkage_name "" when it does not differ */
    int lang;
};

/* Zero-initialise. Number n is at index n − 1; texts are owned. */
struct cairn_names {
    struct cairn_arena texts;
    struct cairn_table function_table, file_table;
    struct cairn_known_function *functions;
    size_t function_count, function_capacity;
    const char **files;
    size_t file_count, file_capacity;
};

void cairn_names_release(struct cairn_names *names);
/* The number of a function; *added when it is new (its row is then to be written). 0 for no name, and when memory ran out.
 * `linkage_name` may be NULL; `lang` is enum cairn_lang. */
uint32_t cairn_names_function(struct cairn_names *names, const char *name, const char *linkage_name, int lang,
                              bool *added);
uint32_t cairn_names_file(struct cairn_names *names, const char *path, bool *added);

#endif
