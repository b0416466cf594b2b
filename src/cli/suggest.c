#include "cli/suggest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 63u

size_t cairn_edit_distance(const char *a, const char *b)
{
    const size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > WORD_MAX || b_length > WORD_MAX) {
        return SIZE_MAX;
    }
    /* Three rows of the table are enough: a swap looks two rows back. */
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < best) {
                best = above2[j - 2] + 1;
            }
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

void cairn_suggestion_init(struct cairn_suggestion *suggestion, const char *word)
{
    *suggestion = (struct cairn_suggestion){.word = word, .distance = SIZE_MAX};
}

void cairn_suggestion_consider(struct cairn_suggestion *suggestion, const char *candidate)
{
    const size_t typed = strlen(suggestion->word);
    size_t distance = cairn_edit_distance(suggestion->word, candidate);
    if (typed >= 2 && strncmp(candidate, suggestion->word, typed) == 0) {
        distance = 1;
    }
    const size_t allowed = typed <= 2 ? 1 : typed <= 5 ? 2 : 1 + typed / 3;
    if (distance <= allowed && distance < suggestion->distance && distance < typed) {
        suggestion->best = candidate;
        suggestion->distance = distance;
    }
}
