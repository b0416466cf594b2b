/* BLOBs of totals, of one chunk and of groups, and of histograms. */
#include <stdlib.h>

#include "input.h"
#include "trace/event.h"
#include "trace/totals_group.h"

#define ACCOUNTS 4096u

static void try_group(const uint8_t *data, size_t size)
{
    struct cairn_totals_group group;
    size_t at = 1;
    if (cairn_totals_is_member(data, size, &at)) {
        INVARIANT(at > 0 && at < CAIRN_GROUP_CHUNKS);
    }
    if (cairn_totals_group_decode(data, size, ACCOUNTS, &group, NULL) != CAIRN_OK) {
        return;
    }
    INVARIANT(group.chunks > 0 && group.chunks <= CAIRN_GROUP_CHUNKS && group.first[0] == 0);
    for (size_t chunk = 0; chunk < group.chunks; chunk++) {
        uint32_t last = 0;
        for (size_t i = group.first[chunk]; i < group.first[chunk + 1]; i++) {
            INVARIANT(group.rows[i].account > last && group.rows[i].account <= ACCOUNTS);
            last = group.rows[i].account;
        }
    }
    cairn_totals_group_release(&group);
}

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
    try_group(data, size);
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
