#include "collector/python_codes.h"

#include <stdlib.h>
#include <string.h>

#include "collector/python_lines.h"
#include "collector/table.h"

#define CODES_MAX     (1u << 22)
#define LINES_MAX     (16u << 20) /* of one code object */
#define DEFAULT_MINOR 11u

void cairn_python_codes_release(struct cairn_python_codes *codes)
{
    free(codes->list);
    cairn_arena_release(&codes->texts);
    *codes = (struct cairn_python_codes){.list = NULL};
}

/* Code `number`, made where it is new; NULL when it is no number or memory ran out. */
static struct cairn_python_code *code_at(struct cairn_python_codes *codes, uint64_t number)
{
    if (number == 0 || number > CODES_MAX) {
        return NULL;
    }
    while (codes->count < number) {
        struct cairn_python_code *list =
            cairn_grown(codes->list, &codes->capacity, codes->count, sizeof *list);
        if (!list) {
            return NULL;
        }
        codes->list = list;
        list[codes->count++] = (struct cairn_python_code){.minor = DEFAULT_MINOR};
    }
    return &codes->list[number - 1];
}

void cairn_python_codes_describe(struct cairn_python_codes *codes, uint64_t second, uint64_t third,
                                 const char *text, size_t length)
{
    struct cairn_python_code *code = code_at(codes, second);
    const size_t file_length = strnlen(text, length);
    if (!code || file_length == length) {
        return;
    }
    const char *name = text + file_length + 1;
    code->file = cairn_arena_copy(&codes->texts, text, file_length);
    code->name = cairn_arena_copy(&codes->texts, name, strnlen(name, length - file_length - 1));
    code->first_line = (uint32_t)third;
    code->minor = (uint32_t)(third >> 32);
}

void cairn_python_codes_lines(struct cairn_python_codes *codes, uint64_t second, uint64_t third,
                              const void *piece, size_t length)
{
    struct cairn_python_code *code = code_at(codes, second);
    const uint32_t offset = (uint32_t)third, total = (uint32_t)(third >> 32);
    if (!code || total == 0 || total > LINES_MAX) {
        return;
    }
    if (!code->lines) {
        code->lines = cairn_arena_alloc(&codes->texts, total);
        code->lines_size = code->lines ? total : 0;
    }
    /* In order: what is missing in between would be lines of something else. */
    if (code->lines && offset == code->lines_have && length <= code->lines_size - offset) {
        memcpy(code->lines + offset, piece, length);
        code->lines_have += (uint32_t)length;
    }
}

const struct cairn_python_code *cairn_python_codes_find(const struct cairn_python_codes *codes,
                                                        uint64_t value, int64_t *line)
{
    const uint64_t number = value >> 32;
    if (number == 0 || number > codes->count || !codes->list[number - 1].name) {
        return NULL;
    }
    const struct cairn_python_code *code = &codes->list[number - 1];
    *line = cairn_python_line(code->minor, code->first_line, code->lines, code->lines_have, (uint32_t)value);
    return code;
}
