/* BLOBs of totals and histograms. */
#include <stdlib.h>

#include "input.h"
#include "trace/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cairn_histogram_cell cells[CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS];
    struct cairn_account_totals *rows = NULL;
    size_t count = 0;
    const size_t claimed = cairn_totals_claimed(data, size);
    if (claimed <= 65536 && cairn_totals_decode(data, size, &rows, &count, NULL) == CAIRN_OK) {
        INVARIANT(count <= claimed);
        for (size_t i = 1; i < count; i++) {
            INVARIANT(rows[i].account > rows[i - 1].account);
        }
        free(rows);
    }
    if (cairn_histogram_decode(data, size, cells, sizeof(cells) / sizeof(cells[0]), &count, NULL) ==
        CAIRN_OK) {
        INVARIANT(count <= sizeof(cells) / sizeof(cells[0]));
        for (size_t i = 0; i < count; i++) {
            INVARIANT(cells[i].size_bucket < CAIRN_SIZE_BUCKETS &&
                      cells[i].lifetime_bucket < CAIRN_LIFETIME_BUCKETS);
        }
    }
    return 0;
}
