/* A folder of its own for what a fuzz target must have as a file, in memory where that is possible; gone at exit. */
#ifndef CAIRN_TESTS_FUZZ_SCRATCH_H
#define CAIRN_TESTS_FUZZ_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

/* The path of NAME in the folder, which is made at the first call. Static: until the next call. */
const char *scratch_path(const char *name);
/* Writes the file anew. */
void scratch_write(const char *path, const void *data, size_t size);
/* A whole trace of every kind of row, made once: its bytes. */
const uint8_t *scratch_trace(size_t *size);
/* The same of its slim copy. */
const uint8_t *scratch_slim(size_t *size);

#endif
