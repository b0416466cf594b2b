/* Names of sites inside sentences, and the order of names. Internal to query. */
#ifndef CAIRN_QUERY_SITE_LABEL_H
#define CAIRN_QUERY_SITE_LABEL_H

#include "query/selection.h"

/* "parse_line() lex.c:88", "thread 12 worker", …: `frame` (0: none) is where most of it happens and lends its line to
 * groupings by function. Raw text. Returns `out`. */
char *cairn_site_phrase(struct cairn_trace *trace, const struct cairn_site *site, enum cairn_by by,
                        uint32_t frame, char *out, size_t out_size);

/* A share for a sentence: "all", "over 99 %", "64 %", "under 1 %", "nothing": never rounded up to all or down to nothing.
 * Returns `out`. */
#define CAIRN_SHARE_SIZE 16
char *cairn_share(double percent, char out[CAIRN_SHARE_SIZE]);

/* Order by name, as ties break: function, file, line, module, then number. Unnamed ones last. */
int cairn_site_compare(const struct cairn_site *a, const struct cairn_site *b);

/* The part behind the last slash. */
const char *cairn_base_name(const char *path);

#endif
