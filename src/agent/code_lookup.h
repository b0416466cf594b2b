/* Which loaded module a code address belongs to, and which of its memory may be read: for unwind tables only.
 *
 * On glibc 2.35 and later this is lock-free (_dl_find_object); before that it takes the loader's lock for the length
 * of one dl_iterate_phdr. Either way it is asked once per call site, never on the usual path. */
#ifndef CAIRN_AGENT_CODE_LOOKUP_H
#define CAIRN_AGENT_CODE_LOOKUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CAIRN_CODE_SEGMENTS 16u

struct cairn_code_segment {
    uintptr_t low, high;
    bool executable;
};

/* A module's readable segments as they stand in memory, file-backed parts only. */
struct cairn_code_module {
    uintptr_t eh_frame_hdr; /* 0: the module has no PT_GNU_EH_FRAME */
    uint32_t segment_count;
    struct cairn_code_segment segments[CAIRN_CODE_SEGMENTS];
};

/* Once, before the first look-up; a second call changes nothing. */
void cairn_code_lookup_setup(void);

/* `false` when no module holds `address`: generated code, or none at all. */
bool cairn_code_find(uintptr_t address, struct cairn_code_module *module);

/* A module was found whose headers cannot be read: whoever looks through all modules' headers must not. */
extern _Atomic bool cairn_code_hides;

/* The readable segment that holds [address, address + bytes), or NULL. */
const struct cairn_code_segment *cairn_code_segment_of(const struct cairn_code_module *module,
                                                       uintptr_t address, uintptr_t bytes);

#endif
