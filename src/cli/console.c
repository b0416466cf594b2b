#include "cli/console.h"

#include <langinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/sanitise.h"

static bool has_text(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

static size_t find_width(int descriptor)
{
    const char *columns = getenv("COLUMNS");
    if (columns != NULL) {
        char *end = NULL;
        const unsigned long width = strtoul(columns, &end, 10);
        if (end != columns && *end == '\0' && width > 0 && width < 100000) {
            return width;
        }
    }
    struct winsize size;
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0) {
        return size.ws_col > 0 ? size.ws_col : 80;
    }
    return 0;
}

void cairn_console_inspect(struct cairn_console *terminal, int descriptor, enum cairn_colour_choice colour)
{
    const char *term = getenv("TERM");
    const bool is_terminal = isatty(descriptor) == 1;
    const bool dumb = term == NULL || strcmp(term, "dumb") == 0;
    *terminal = (struct cairn_console){
        .is_terminal = is_terminal,
        .colour = colour == CAIRN_COLOUR_ALWAYS ||
                  (colour == CAIRN_COLOUR_AUTO && is_terminal && !dumb && !has_text("NO_COLOR")),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .width = find_width(descriptor),
    };
}

size_t cairn_console_width_or(const struct cairn_console *terminal, size_t otherwise, size_t most)
{
    const size_t width = terminal->width > 0 ? terminal->width : otherwise;
    return width < most ? width : most;
}

const char *cairn_glyph(const struct cairn_console *terminal, const char *utf8, const char *ascii)
{
    return terminal->utf8 ? utf8 : ascii;
}

void cairn_styled(struct cairn_stream *stream, const struct cairn_console *terminal, enum cairn_style style,
                  const char *text)
{
    static const char *const codes[CAIRN_STYLE_COUNT] = {
        [CAIRN_STYLE_PLAIN] = NULL,        [CAIRN_STYLE_TITLE] = "\033[1;4m",
        [CAIRN_STYLE_STRONG] = "\033[1m",  [CAIRN_STYLE_FAINT] = "\033[2m",
        [CAIRN_STYLE_GREW] = "\033[31m",   [CAIRN_STYLE_SHRANK] = "\033[32m",
        [CAIRN_STYLE_LEAK] = "\033[1;31m", [CAIRN_STYLE_PYTHON] = "\033[36m",
    };
    if (!terminal->colour || codes[style] == NULL || text[0] == '\0') {
        cairn_stream_text(stream, text);
        return;
    }
    cairn_stream_text(stream, codes[style]);
    cairn_stream_text(stream, text);
    cairn_stream_text(stream, "\033[0m");
}

/* One character of valid UTF-8 (clean text is): its bytes, and the code point. */
static size_t decode(const char *text, uint32_t *point)
{
    const unsigned char first = (unsigned char)text[0];
    const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t value = length == 1 ? first : first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xc0u) != 0x80u) {
            *point = first;
            return 1;
        }
        value = value << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    *point = value;
    return length;
}

char *cairn_console_clean(const struct cairn_console *terminal, char *out, size_t out_size, const char *text)
{
    cairn_sanitise(out, out_size, text, strlen(text));
    if (terminal->utf8) {
        return out;
    }
    char plain[2048];
    size_t used = 0;
    for (const char *at = out; *at != '\0' && used + 12 < sizeof plain;) {
        uint32_t point;
        const size_t length = decode(at, &point);
        if (point < 0x80) {
            plain[used++] = *at;
        } else if (point == 0x2013) {
            plain[used++] = '-'; /* a dash stands for numbers that are not known */
        } else {
            used += (size_t)snprintf(plain + used, sizeof plain - used, "\\u{%X}", point);
        }
        at += length;
    }
    plain[used] = '\0';
    snprintf(out, out_size, "%s", plain);
    return out;
}

size_t cairn_text_fit(const char *text, size_t columns, size_t *taken)
{
    size_t bytes = 0, used = 0;
    while (text[bytes] != '\0') {
        uint32_t point;
        const size_t length = decode(text + bytes, &point);
        const int width = point < 0x80 ? 1 : wcwidth((wchar_t)point);
        const size_t step = width < 0 ? 1 : (size_t)width;
        if (used + step > columns) {
            break;
        }
        used += step;
        bytes += length;
    }
    if (taken != NULL) {
        *taken = used;
    }
    return bytes;
}

size_t cairn_text_columns(const char *text)
{
    size_t columns;
    cairn_text_fit(text, SIZE_MAX, &columns);
    return columns;
}

size_t cairn_text_line(const char *text, size_t columns)
{
    const size_t bytes = cairn_text_fit(text, columns, NULL);
    if (text[bytes] == '\0') {
        return bytes;
    }
    /* Not between a number and its percent sign. */
    size_t blank = bytes;
    while (blank > 0 && (text[blank] != ' ' || text[blank + 1] == '%')) {
        blank--;
    }
    uint32_t point;
    return blank > 0 ? blank : bytes > 0 ? bytes : decode(text, &point);
}

void cairn_sparkline(const struct cairn_console *terminal, const double *values, size_t count, char *out,
                     size_t out_size)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii_bars[] = {"_", ".", "-", "~", "=", "+", "*", "#"};
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = values[i] > most ? values[i] : most;
    }
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && used + 4 < out_size; i++) {
        const double share = most > 0 && values[i] > 0 ? values[i] / most : 0;
        const size_t level = share >= 1 ? 7 : (size_t)(share * 8);
        const char *bar = values[i] <= 0 ? " " : (terminal->utf8 ? bars : ascii_bars)[level];
        used += (size_t)snprintf(out + used, out_size - used, "%s", bar);
    }
}
