/* The debug sections that names and lines are read from, unpacked into an ELF file in memory. Internal to the collector's
 * symbol part.
 *
 * libdw unpacks every compressed debug section that it finds when a file is opened, and by zlib; Debian compresses all of
 * them. Here the others (locations, frames, macros) stay packed, and libdeflate does the work in a third of the time.
 *
 * Those that are nearly all of it are unpacked as far as somebody reaches: most stacks end in the C library's start, which is
 * one of its first units. So far zlib does it, which can stop and go on; beyond a quarter it is cheaper to let libdeflate do the
 * whole. */
#ifndef CAIRN_COLLECTOR_SYMBOL_IMAGE_H
#define CAIRN_COLLECTOR_SYMBOL_IMAGE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cairn_symbol_section {
    CAIRN_SYMBOL_INFO,
    CAIRN_SYMBOL_ABBREVIATIONS,
    CAIRN_SYMBOL_LINE,
    CAIRN_SYMBOL_LONG_ONES
};

/* A section that may not be all there yet; all zero where there is none. */
struct cairn_symbol_long_one {
    const uint8_t *packed; /* `from`'s; NULL: it is whole */
    size_t packed_bytes;
    uint8_t *bytes;
    size_t size_bytes, there_bytes; /* when it is whole; now */
    void *inflater;                 /* a z_stream, which has got so far; NULL: not begun */
};

struct cairn_symbol_image {
    Elf *elf; /* NULL: there is none */
    void *bytes;
    size_t size_bytes;
    struct cairn_symbol_long_one long_ones[CAIRN_SYMBOL_LONG_ONES];
    const uint8_t *aranges; /* addresses' units */
    size_t aranges_bytes;
};

/* An image of `from`'s debug sections; false, with an empty image, where libdw does as well with `from` itself: nothing is
 * compressed, or something is that only libdw knows to handle or to refuse. `from` must outlive it. */
bool cairn_symbol_image_open(struct cairn_symbol_image *image, Elf *from);
/* Whether all of it is there (so of an empty one, too): then it may be read in any way. */
bool cairn_symbol_image_is_whole(const struct cairn_symbol_image *image);
/* Unpacks the first `bytes` of a section; false where it is shorter or damaged. */
bool cairn_symbol_image_reach(struct cairn_symbol_image *image, enum cairn_symbol_section section,
                              size_t bytes);
/* All of it. */
bool cairn_symbol_image_reach_all(struct cairn_symbol_image *image);
/* Tolerates an empty image. */
void cairn_symbol_image_close(struct cairn_symbol_image *image);

#endif
