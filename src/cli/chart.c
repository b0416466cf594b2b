#include "cli/chart.h"

#include <stdio.h>

#define LABEL_COLUMNS 10u

/* How many eighths of a line the value fills on the line `line` (0 at the bottom). */
static unsigned eighths(double value, double most, size_t lines, size_t line)
{
    const double height = most > 0 && value > 0 ? value / most * (double)lines * 8 : 0;
    const double above = height - (double)line * 8;
    if (above >= 8) {
        return 8;
    }
    if (above < 1) {
        return line == 0 && value > 0 ? 1 : 0; /* something is never nothing */
    }
    return (unsigned)above;
}

void cairn_chart(struct cairn_stream *stream, const struct cairn_console *terminal, const double *values,
                 size_t count, size_t lines, const char *top_label)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii_blocks[] = {" ", ".", ".", ":", ":", ":", "|", "|", "#"};
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = values[i] > most ? values[i] : most;
    }
    for (size_t line = lines; line-- > 0;) {
        const char *label = line == lines - 1 ? top_label : line == 0 ? "0" : "";
        cairn_stream_format(stream, "%*s %s", (int)LABEL_COLUMNS, label, cairn_glyph(terminal, "│", "|"));
        size_t end = count; /* no trailing blanks */
        while (end > 0 && eighths(values[end - 1], most, lines, line) == 0) {
            end--;
        }
        for (size_t i = 0; i < end; i++) {
            const unsigned level = eighths(values[i], most, lines, line);
            cairn_stream_text(stream, (terminal->utf8 ? blocks : ascii_blocks)[level]);
        }
        cairn_stream_text(stream, "\n");
    }
}
