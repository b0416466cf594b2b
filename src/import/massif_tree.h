/* The trees in massif's output: how many bytes were allocated from where, at one moment.
 *
 *   nCHILDREN: BYTES LABEL     a space of indentation a level; children follow their parent
 *
 * The root's label says what is counted; below it, innermost first, "0xADDRESS: FUNCTION (FILE:LINE)", "0xADDRESS: FUNCTION (in
 * MODULE)", "0xADDRESS: ???", or what became of small ones: "in N places, all below massif's threshold (1.00%)". */
#ifndef CAIRN_IMPORT_MASSIF_TREE_H
#define CAIRN_IMPORT_MASSIF_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/table.h"
#include "import/intake.h"
#include "import/lines.h"

/* Bytes of one stack. */
struct cairn_massif_account {
    uint32_t stack;
    int64_t now, before, peak; /* in this snapshot, in the one before it, in the peak */
};

/* Zero-initialise. Account n is at index n − 1. */
struct cairn_massif_sums {
    struct cairn_massif_account *accounts;
    size_t account_count, account_capacity;
    struct cairn_table table; /* by stack */
};

void cairn_massif_sums_release(struct cairn_massif_sums *sums);
/* A new snapshot begins: `before` becomes what `now` is, `now` nothing. */
void cairn_massif_sums_next(struct cairn_massif_sums *sums);

/* Reads the tree of a snapshot of `heap` bytes into `now`. What no tree tells (`detailed` false: none is there) goes to the
 * empty stack. */
CAIRN_MUST_CHECK enum cairn_status cairn_massif_tree(struct cairn_lines *lines, struct cairn_intake *intake,
                                                     struct cairn_massif_sums *sums, uint64_t heap,
                                                     bool detailed, struct cairn_error *error);

/* A decimal number of at most `most`; false where there is none. `*end` is behind it. */
bool cairn_massif_number(char *text, char **end, uint64_t most, uint64_t *number);

#endif
