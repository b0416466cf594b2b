/* The Python code objects of one process, by the number its agent gave them: name, file, line table. All of it is what the
 * target wrote. */
#ifndef CAIRN_COLLECTOR_PYTHON_CODES_H
#define CAIRN_COLLECTOR_PYTHON_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct cairn_python_code {
    const char *name, *file; /* NULL: not described yet */
    int64_t first_line;
    uint32_t minor;
    uint8_t *lines;
    uint32_t lines_size, lines_have;
};

/* Zero-initialise. Code n is at index n − 1. */
struct cairn_python_codes {
    struct cairn_python_code *list;
    size_t count, capacity;
    struct cairn_arena texts;
};

void cairn_python_codes_release(struct cairn_python_codes *codes);
/* `text` is "file NUL name"; `second` and `third` are the record's words (wire/record.h). Nonsense is ignored. */
void cairn_python_codes_describe(struct cairn_python_codes *codes, uint64_t second, uint64_t third,
                                 const char *text, size_t length);
void cairn_python_codes_lines(struct cairn_python_codes *codes, uint64_t second, uint64_t third,
                              const void *piece, size_t length);
/* The code of a PYTHON node's value, and the line its instruction is on (0: none); NULL when it was never described. */
const struct cairn_python_code *cairn_python_codes_find(const struct cairn_python_codes *codes,
                                                        uint64_t value, int64_t *line);

#endif
