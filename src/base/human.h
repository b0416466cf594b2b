/* Numbers as people write them: IEC sizes, counts, durations, and the same read back. */
#ifndef CAIRN_BASE_HUMAN_H
#define CAIRN_BASE_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Room for any of the texts below, terminator included. */
#define CAIRN_HUMAN_MAX 32

/* All of them write "–" for INT64_MIN: a number that is not known. */

/* "0 B", "512 B", "1.5 MiB"; a minus sign for negative ones. Returns `buffer`. */
char *cairn_human_bytes(char buffer[CAIRN_HUMAN_MAX], int64_t bytes);
/* As cairn_human_bytes with "+" in front of positive values. */
char *cairn_human_bytes_signed(char buffer[CAIRN_HUMAN_MAX], int64_t bytes);
/* "1.5M", "12K", "310": narrow, for columns of the viewer. */
char *cairn_human_bytes_short(char buffer[CAIRN_HUMAN_MAX], int64_t bytes);
/* "999", "12.3 k", "4.5 M" (powers of 1,000). */
char *cairn_human_count(char buffer[CAIRN_HUMAN_MAX], int64_t count);
/* The same with its word: "1 block", "12.3 k blocks". */
char *cairn_human_blocks(char buffer[CAIRN_HUMAN_MAX], int64_t blocks);
/* "850 ns", "12.5 ms", "12.5 s", "3 m 12 s", "2 h 04 m". */
char *cairn_human_duration(char buffer[CAIRN_HUMAN_MAX], int64_t time_ns);

/* "200M", "1.5GiB", "4096", "10 GiB" → bytes; K M G T are powers of 1,024. CAIRN_E_USAGE names what is wrong. */
CAIRN_MUST_CHECK enum cairn_status cairn_parse_bytes(const char *text, int64_t *bytes,
                                                     struct cairn_error *error);
/* "12.5s", "300ms", "5m", "2h", "250us", "10ns" → nanoseconds; a bare number is refused. */
CAIRN_MUST_CHECK enum cairn_status cairn_parse_duration(const char *text, int64_t *time_ns,
                                                        struct cairn_error *error);

#endif
