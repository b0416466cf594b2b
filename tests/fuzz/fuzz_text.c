/* What makes text fit to be shown, and what reads JSON: the sanitiser's output is clean and stays as it is. */
#include <stdlib.h>

#include "base/json_value.h"
#include "base/markup.h"
#include "base/sanitise.h"
#include "input.h"

static void sanitise(const char *text, size_t length, size_t room)
{
    const size_t needed = cairn_sanitise(NULL, 0, text, length);
    char *whole = malloc(needed + 1), *cut = malloc(room + 1);
    if (whole && cut) {
        INVARIANT(cairn_sanitise(whole, needed + 1, text, length) == needed);
        INVARIANT(strlen(whole) == needed && cairn_is_clean(whole, needed));
        INVARIANT(!cairn_is_clean(text, length) || (needed == length && memcmp(whole, text, length) == 0));
        INVARIANT(cairn_sanitise(cut, room + 1, text, length) == needed);
        INVARIANT(strlen(cut) <= room && cairn_is_clean(cut, strlen(cut)));
        INVARIANT(memcmp(cut, whole, strlen(cut)) == 0);
    }
    free(whole);
    free(cut);
}

static void mark_up(const char *text)
{
    struct cairn_buffer out = CAIRN_BUFFER_INIT;
    cairn_markup_text(&out, text);
    INVARIANT(out.failed || !strpbrk(cairn_buffer_cstr(&out), "<>\"'"));
    cairn_buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    const struct cairn_json_value *value;
    char *text = malloc(size + 1);
    if (!text) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    sanitise(text, size, size > 0 ? data[0] : 0);
    mark_up(text);
    (void)!cairn_json_parse(&arena, text, size, &value, NULL);
    cairn_arena_release(&arena);
    free(text);
    return 0;
}
