/* A text file line by line, packed or not, with the number of the line for whoever has to say what is wrong with it. */
#ifndef CAIRN_IMPORT_LINES_H
#define CAIRN_IMPORT_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define CAIRN_LINE_MOST_BYTES (1u << 20) /* longer ones are refused */

struct cairn_lines;

/* `path` is borrowed until close. */
CAIRN_MUST_CHECK enum cairn_status cairn_lines_open(const char *path, struct cairn_lines **lines,
                                                    struct cairn_error *error);
/* Tolerates NULL. */
void cairn_lines_close(struct cairn_lines *lines);
/* The next line, without its newline and with a NUL behind, borrowed until the next call; NULL at the end. CAIRN_E_FORMAT:
 * a line that is too long, or a file that ends within one. */
CAIRN_MUST_CHECK enum cairn_status cairn_lines_next(struct cairn_lines *lines, char **text, size_t *length,
                                                    struct cairn_error *error);
/* Of the line returned last, from 1 on. */
uint64_t cairn_lines_number(const struct cairn_lines *lines);
/* "PATH: damaged in line N: WHY: …", CAIRN_E_FORMAT. */
enum cairn_status cairn_lines_damaged(const struct cairn_lines *lines, struct cairn_error *error,
                                      const char *why, ...) __attribute__((format(printf, 3, 4)));

#endif
