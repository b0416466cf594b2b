#include "query/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/human.h"
#include "query/site_label.h"
#include "query/sum.h"

#define NAMED_SHARE_PERCENT 15.0 /* below it no single site is to blame */
#define SMALL_SHARE_PERCENT 10.0 /* of the other direction: not worth a word */
#define NAME_BYTES          200u /* of a site in a sentence */

/* One direction of change: what grew, or what shrank. */
struct direction {
    int64_t bytes; /* positive */
    size_t sites;
    const struct cairn_verdict_row *largest;
};

static void add(struct direction *direction, const struct cairn_verdict_row *row)
{
    const int64_t size = cairn_magnitude(row->counts->delta_bytes);
    const struct cairn_verdict_row *largest = direction->largest;
    cairn_add(&direction->bytes, size);
    direction->sites++;
    if (!largest || size > cairn_magnitude(largest->counts->delta_bytes) ||
        (size == cairn_magnitude(largest->counts->delta_bytes) &&
         cairn_site_compare(row->site, largest->site) < 0)) {
        direction->largest = row;
    }
}

static double share_of(const struct direction *direction)
{
    return cairn_percent(cairn_magnitude(direction->largest->counts->delta_bytes), direction->bytes);
}

static void put_share(struct cairn_buffer *text, double percent)
{
    char share[CAIRN_SHARE_SIZE];
    cairn_buffer_text(text, cairn_share(percent, share));
}

static void put_name(struct cairn_buffer *text, const struct cairn_verdict_row *row, enum cairn_by by)
{
    char name[NAME_BYTES];
    cairn_buffer_text(text, cairn_site_phrase(row->trace, row->site, by, row->frame, name, sizeof(name)));
}

/* How the growth of a site came about. */
static void put_fate(struct cairn_buffer *text, const struct cairn_verdict_row *row)
{
    const struct cairn_diff_counts *counts = row->counts;
    if (row->allocated_bytes == CAIRN_UNKNOWN || counts->survived_bytes == CAIRN_UNKNOWN) {
        char a[CAIRN_HUMAN_MAX], b[CAIRN_HUMAN_MAX];
        if (counts->a_bytes == 0) {
            cairn_buffer_text(text, ", which A has not");
        } else {
            cairn_buffer_format(text, ", from %s to %s", cairn_human_bytes(a, counts->a_bytes),
                                cairn_human_bytes(b, counts->b_bytes));
        }
    } else if (counts->survived_bytes >= row->allocated_bytes) {
        cairn_buffer_text(text, ", all of it alive at B");
    } else {
        cairn_buffer_text(text, ", ");
        put_share(text, cairn_percent(counts->survived_bytes, row->allocated_bytes));
        cairn_buffer_text(text, " of what it allocated since A is alive at B");
    }
}

static void put_growth(struct cairn_buffer *text, const struct direction *grew, enum cairn_by by)
{
    const double share = share_of(grew);
    if (share < NAMED_SHARE_PERCENT) {
        cairn_buffer_format(text, "the growth is spread over %zu places: the largest, ", grew->sites);
        put_name(text, grew->largest, by);
        cairn_buffer_text(text, ", has ");
        put_share(text, share);
        return;
    }
    put_share(text, share);
    cairn_buffer_text(text, " of the growth comes from ");
    put_name(text, grew->largest, by);
    put_fate(text, grew->largest);
}

static void put_shrinking(struct cairn_buffer *text, const struct direction *shrank, enum cairn_by by)
{
    const double share = share_of(shrank);
    if (share < NAMED_SHARE_PERCENT) {
        cairn_buffer_format(text, "what was freed is spread over %zu places: the largest, ", shrank->sites);
        put_name(text, shrank->largest, by);
        cairn_buffer_text(text, ", has ");
        put_share(text, share);
        return;
    }
    const struct cairn_diff_counts *counts = shrank->largest->counts;
    char a[CAIRN_HUMAN_MAX], b[CAIRN_HUMAN_MAX];
    put_share(text, share);
    cairn_buffer_text(text, " of what went was from ");
    put_name(text, shrank->largest, by);
    if (counts->b_bytes == 0 && (counts->b_blocks == 0 || counts->b_blocks == CAIRN_UNKNOWN)) {
        cairn_buffer_text(text, ", which has nothing left at B");
    } else {
        cairn_buffer_format(text, ", down from %s to %s", cairn_human_bytes(a, counts->a_bytes),
                            cairn_human_bytes(b, counts->b_bytes));
    }
}

/* Both directions count: the balance first. */
static void put_mixed(struct cairn_buffer *text, const struct direction *grew, const struct direction *shrank,
                      enum cairn_by by)
{
    char up[CAIRN_HUMAN_MAX], down[CAIRN_HUMAN_MAX];
    cairn_buffer_format(text, "%s came and %s went: ", cairn_human_bytes(up, grew->bytes),
                        cairn_human_bytes(down, shrank->bytes));
    put_growth(text, grew, by);
    cairn_buffer_text(text, "; ");
    put_shrinking(text, shrank, by);
}

static void put_same(struct cairn_buffer *text, const struct cairn_diff *diff,
                     const struct cairn_verdict_row *rows, size_t count)
{
    int64_t blocks = 0, allocated = 0;
    for (size_t i = 0; i < count; i++) {
        cairn_add(&blocks, rows[i].counts->delta_blocks);
        if (rows[i].allocated_bytes != CAIRN_UNKNOWN) {
            cairn_add(&allocated, rows[i].allocated_bytes);
        }
    }
    if (diff->trace_a == diff->trace_b && diff->a.position == diff->b.position) {
        cairn_buffer_text(text, "A and B are the same moment");
    } else if (count == 0 && (diff->total.a_bytes > 0 || diff->total.b_bytes > 0)) {
        cairn_buffer_text(text, "no row passes the filter");
    } else if (blocks) {
        cairn_buffer_format(text, "every place holds as many bytes as before, in %" PRId64 " %s blocks",
                            cairn_magnitude(blocks), blocks > 0 ? "more" : "fewer");
    } else if (allocated > 0) {
        char size[CAIRN_HUMAN_MAX];
        cairn_buffer_format(text, "nothing grew or shrank: of %s allocated between A and B as much was freed",
                            cairn_human_bytes(size, allocated));
    } else {
        cairn_buffer_text(text, "nothing changed");
    }
}

void cairn_verdict(const struct cairn_diff *diff, enum cairn_by by, const struct cairn_verdict_row *rows,
                   size_t count, char *out, size_t out_size)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    struct direction grew = {.bytes = 0}, shrank = {.bytes = 0};
    for (size_t i = 0; i < count; i++) {
        if (rows[i].counts->delta_bytes) {
            add(rows[i].counts->delta_bytes > 0 ? &grew : &shrank, &rows[i]);
        }
    }
    if (!grew.largest && !shrank.largest) {
        put_same(&text, diff, rows, count);
    } else if (!shrank.largest ||
               (grew.largest && cairn_percent(shrank.bytes, grew.bytes) < SMALL_SHARE_PERCENT)) {
        put_growth(&text, &grew, by);
    } else if (!grew.largest || cairn_percent(grew.bytes, shrank.bytes) < SMALL_SHARE_PERCENT) {
        put_shrinking(&text, &shrank, by);
    } else {
        put_mixed(&text, &grew, &shrank, by);
    }
    snprintf(out, out_size, "%s", cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
}
