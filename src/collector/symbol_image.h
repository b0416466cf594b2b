/* The debug sections that names and lines are read from, unpacked into an ELF file in memory. Internal to the collector's
 * symbol part.
 *
 * libdw unpacks every compressed debug section that it finds when a file is opened, and by zlib; Debian compresses all of
 * them. Here the others (locations, frames, macros) stay packed, and libdeflate does the work in a third of the time. Of a long
 * .debug_info only the head is unpacked at first: what starts a program stands there, and often nothing else is asked for. */
#ifndef CAIRN_COLLECTOR_SYMBOL_IMAGE_H
#define CAIRN_COLLECTOR_SYMBOL_IMAGE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cairn_symbol_image {
    Elf *elf; /* NULL: there is none */
    void *bytes;
    size_t size_bytes;
    size_t info_bytes; /* so much of .debug_info is there; SIZE_MAX: all */
    struct {
        const void *packed;
        size_t packed_bytes, offset, unpacked_bytes;
    } info; /* to unpack the rest */
};

/* An image of `from`'s debug sections; false, with an empty image, where libdw does as well with `from` itself: nothing is
 * compressed, or something is that only libdw knows to handle or to refuse. Of a .debug_info that is packed and much longer than
 * `head_bytes` no more than those are unpacked, and zeros follow; the rest is borrowed from `from`. 0: all is unpacked. */
bool cairn_symbol_image_open(struct cairn_symbol_image *image, Elf *from, size_t head_bytes);
/* Unpacks the rest; false where that is damaged. */
bool cairn_symbol_image_finish(struct cairn_symbol_image *image);
/* Tolerates an empty image. */
void cairn_symbol_image_close(struct cairn_symbol_image *image);

#endif
