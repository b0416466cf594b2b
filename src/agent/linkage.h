/* The slots of a loaded module by which it calls functions of others: what its dynamic section says, and pointing one to
 * another function. Reads what the loader has mapped; calls nothing. */
#ifndef CAIRN_AGENT_LINKAGE_H
#define CAIRN_AGENT_LINKAGE_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cairn_linkage {
    uintptr_t bias;
    uintptr_t low, high; /* of its segments */
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * relocations[2];
    size_t counts[2];
    uintptr_t read_only_low, read_only_high; /* pages the loader protected after relocation */
};

/* A place that holds a function's address. */
struct cairn_slot {
    const char *name; /* of the function; the module's */
    uint32_t type;    /* R_X86_64_… */
    uintptr_t place;
};

/* False where the module has no dynamic section that can be read (the vdso). */
bool cairn_linkage_read(const struct dl_phdr_info *info, struct cairn_linkage *linkage);

/* Relocation `number` of table 0 or 1; false where it is no plain function's. */
bool cairn_linkage_slot(const struct cairn_linkage *linkage, int table, size_t number,
                        struct cairn_slot *slot);

/* A slot that was not bound yet leads to a stub of its own module. */
bool cairn_linkage_is_lazy(const struct cairn_linkage *linkage, const struct cairn_slot *slot);

/* Other threads may be calling through it. Leaves it as it is where its page cannot be written to. */
void cairn_linkage_write(const struct cairn_linkage *linkage, const struct cairn_slot *slot, void *function);

static inline void *cairn_slot_value(const struct cairn_slot *slot)
{
    return *(void *const *)slot->place;
}

#endif
