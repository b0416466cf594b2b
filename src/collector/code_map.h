/* Which module lies at an address of one process, now: ranges that come with MODULE records and go with MODULE_GONE.
 * A fork shares them until one side changes. */
#ifndef CAIRN_COLLECTOR_CODE_MAP_H
#define CAIRN_COLLECTOR_CODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cairn_code_range {
    uint64_t start, end, bias;
    uint32_t module; /* number in the trace */
};

struct cairn_code_map;

struct cairn_code_map *cairn_code_map_new(void);
/* The same map once more: counted, not copied. */
struct cairn_code_map *cairn_code_map_share(struct cairn_code_map *map);
/* Tolerates NULL. */
void cairn_code_map_free(struct cairn_code_map *map);

/* Adds a range; older ones that it overlaps are gone (their dlclose was not seen). Replaces `*map` by a copy when it is
 * shared. `changed` says whether an address may now mean something else. False when memory ran out. */
bool cairn_code_map_add(struct cairn_code_map **map, const struct cairn_code_range *range, bool *changed);
/* Removes the range that starts there. */
bool cairn_code_map_remove(struct cairn_code_map **map, uint64_t start, bool *changed);
/* The range that holds `address`, or NULL. Borrowed until the next change. */
const struct cairn_code_range *cairn_code_map_find(const struct cairn_code_map *map, uint64_t address);

#endif
