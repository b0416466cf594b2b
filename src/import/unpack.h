/* The bytes of a file as they were before it was packed: zstd, gzip, or neither, told by how it begins. Memory is bounded
 * whatever the file says: a zstd window takes at most 64 MiB. */
#ifndef CAIRN_IMPORT_UNPACK_H
#define CAIRN_IMPORT_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct cairn_unpack;

/* `path` must be a regular file. */
CAIRN_MUST_CHECK enum cairn_status cairn_unpack_open(const char *path, struct cairn_unpack **unpack,
                                                     struct cairn_error *error);
/* Tolerates NULL. */
void cairn_unpack_close(struct cairn_unpack *unpack);
/* Up to `size` bytes into `bytes`; `*length` 0: the end. CAIRN_E_FORMAT: packed bytes that are damaged or stop short. */
CAIRN_MUST_CHECK enum cairn_status cairn_unpack_read(struct cairn_unpack *unpack, char *bytes, size_t size,
                                                     size_t *length, struct cairn_error *error);

#endif
