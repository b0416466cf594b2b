/* Allocations that fail on demand, in everything a test links statically (not in libc, SQLite or zstd themselves). */
#ifndef CAIRN_TESTS_FAULT_H
#define CAIRN_TESTS_FAULT_H

#include <stdbool.h>

/* The `countdown`th allocation from now fails, once: 1 is the next one, 0 none. */
void fault_allocation(unsigned long countdown);
/* Whether it did since. Switches failing off. */
bool fault_happened(void);

#endif
