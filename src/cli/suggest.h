/* "Did you mean": the nearest of several words. */
#ifndef CAIRN_CLI_SUGGEST_H
#define CAIRN_CLI_SUGGEST_H

#include <stddef.h>

struct cairn_suggestion {
    const char *word; /* what was typed */
    const char *best; /* borrowed candidate, or NULL when none is near enough */
    size_t distance;  /* of `best` */
};

void cairn_suggestion_init(struct cairn_suggestion *suggestion, const char *word);
/* Keeps `candidate` when it is nearer than those before: few edits for its length, or what was typed begins it. */
void cairn_suggestion_consider(struct cairn_suggestion *suggestion, const char *candidate);
/* Edits (insert, delete, replace, swap of neighbours) between two words; words over 63 bytes count as far apart.
 * Optimal string alignment: Damerau 1964, Wagner and Fischer 1974. */
size_t cairn_edit_distance(const char *a, const char *b);

#endif
