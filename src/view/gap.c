#include "view/gap.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/human.h"
#include "base/sanitise.h"

#define CATEGORIES_MOST 32

struct share {
    const char *category;
    int64_t bytes;
};

/* Largest first. */
static int compare(const void *left, const void *right)
{
    const struct share *one = left, *two = right;
    if (one->bytes != two->bytes)
        return one->bytes < two->bytes ? 1 : -1;
    return strcmp(one->category, two->category);
}

/* Sums the rows by category, the live heap left out; returns how many categories there are. */
static size_t sum_up(const struct cairn_rss *rss, struct share *shares)
{
    size_t count = 0;
    for (size_t i = 0; i < rss->row_count; i++) {
        const struct cairn_rss_row *row = &rss->rows[i];
        if (row->bytes == CAIRN_UNKNOWN || strcmp(row->category, "live heap") == 0)
            continue;
        size_t at = 0;
        while (at < count && strcmp(shares[at].category, row->category) != 0)
            at++;
        if (at == CATEGORIES_MOST)
            continue;
        if (at == count)
            shares[count++] = (struct share){.category = row->category};
        shares[at].bytes += row->bytes;
    }
    return count;
}

void cairn_gap_text(const struct cairn_rss *rss, const char *when, char *out, size_t out_size)
{
    struct share shares[CATEGORIES_MOST];
    const size_t count = sum_up(rss, shares);
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    char number[CAIRN_HUMAN_MAX];
    int64_t gap = 0;
    for (size_t i = 0; i < count; i++)
        gap += shares[i].bytes;
    qsort(shares, count, sizeof(shares[0]), compare);
    cairn_buffer_format(&text, "gap %s%s%s", cairn_human_bytes_short(number, gap),
                        when[0] != '\0' ? " at " : "", when);
    for (size_t i = 0; i < count && shares[i].bytes > 0 && shares[i].bytes >= gap / 20; i++)
        cairn_buffer_format(&text, "%s%s %s", i == 0 ? ": " : ", ",
                            cairn_human_bytes_short(number, shares[i].bytes), shares[i].category);
    cairn_sanitise(out, out_size, cairn_buffer_cstr(&text), text.length);
    cairn_buffer_release(&text);
}
