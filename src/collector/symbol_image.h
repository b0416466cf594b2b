/* The debug sections that names and lines are read from, unpacked into an ELF file in memory. Internal to the collector's
 * symbol part.
 *
 * libdw unpacks every compressed debug section that it finds when a file is opened, and by zlib; Debian compresses all of
 * them. Here the others (locations, frames, macros) stay packed, and libdeflate does the work in a third of the time. */
#ifndef CAIRN_COLLECTOR_SYMBOL_IMAGE_H
#define CAIRN_COLLECTOR_SYMBOL_IMAGE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>

struct cairn_symbol_image {
    Elf *elf; /* NULL: there is none */
    void *bytes;
    size_t size_bytes;
};

/* An image of `from`'s debug sections; false, with an empty image, where libdw does as well with `from` itself: nothing is
 * compressed, or something is that only libdw knows to handle or to refuse. Nothing of `from` is borrowed. */
bool cairn_symbol_image_open(struct cairn_symbol_image *image, Elf *from);
/* Tolerates an empty image. */
void cairn_symbol_image_close(struct cairn_symbol_image *image);

#endif
