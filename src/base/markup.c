#include "base/markup.h"

#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"

static void append_clean(struct cairn_buffer *out, const char *clean)
{
    for (const char *at = clean; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            cairn_buffer_text(out, "&amp;");
            break;
        case '<':
            cairn_buffer_text(out, "&lt;");
            break;
        case '>':
            cairn_buffer_text(out, "&gt;");
            break;
        case '"':
            cairn_buffer_text(out, "&quot;");
            break;
        case '\'':
            cairn_buffer_text(out, "&#39;");
            break;
        default:
            cairn_buffer_byte(out, *at);
        }
    }
}

void cairn_markup_text(struct cairn_buffer *out, const char *text)
{
    char small[256];
    const size_t length = text ? strlen(text) : 0;
    const size_t needed = cairn_sanitise(small, sizeof(small), text ? text : "", length);
    if (needed < sizeof(small)) {
        append_clean(out, small);
        return;
    }
    char *large = malloc(needed + 1);
    if (!large) {
        out->failed = true;
        return;
    }
    cairn_sanitise(large, needed + 1, text, length);
    append_clean(out, large);
    free(large);
}
