/* A block chart of a curve, a few lines high. */
#ifndef CAIRN_CLI_CHART_H
#define CAIRN_CLI_CHART_H

#include <stddef.h>
#include <stdint.h>

#include "cli/console.h"

/* `values` in equal steps of time; their largest one reaches the top line, whose label is `top_label`. */
void cairn_chart(struct cairn_stream *stream, const struct cairn_console *terminal, const double *values,
                 size_t count, size_t lines, const char *top_label);

#endif
