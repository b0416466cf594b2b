/* Which rows every account counts for, under one grouping: what of an answer does not depend on the moment, so that a
 * question at another moment is a few passes over arrays. Internal to query.
 *
 * Accounts that differ in nothing the grouping sees share a *cell*: one stack (and one thread or process where those are
 * the rows). A cell counts for one site, or, cumulative, for every one on its stack. */
#ifndef CAIRN_QUERY_SITE_MAP_H
#define CAIRN_QUERY_SITE_MAP_H

#include "query/account_types.h"
#include "query/selection.h"

#define CAIRN_NO_CELL UINT32_MAX /* the account is not of the language asked for */

/* The part of a selection that shapes the map. `rule_id` 0: the trace's own sites. */
struct cairn_site_map_key {
    enum cairn_by by;
    enum cairn_lang_choice lang;
    bool cumulative;
    uint64_t rule_id;
};

struct cairn_site_map {
    struct cairn_site_map_key key;
    size_t account_count;
    uint32_t *cell_of; /* by account − 1 */
    size_t cell_count;
    uint32_t *cell_stack; /* the stack's number */
    uint32_t *cell_frame; /* the frame that pays; 0: no stack */
    size_t *cell_first;   /* cell_count + 1 offsets into cell_sites */
    uint32_t *cell_sites;
    size_t site_count;
    struct cairn_site *sites; /* site_ids are unique; texts borrowed from the trace, or from `types` */
    struct cairn_account_types types; /* by type only */
};

struct cairn_site_map_key cairn_site_map_key_of(const struct cairn_selection *selection);
bool cairn_site_map_key_equal(const struct cairn_site_map_key *a, const struct cairn_site_map_key *b);

/* CAIRN_E_NOT_FOUND for groupings this trace has not (type, without an object graph). */
CAIRN_MUST_CHECK enum cairn_status cairn_site_map_new(struct cairn_trace *trace,
                                                      const struct cairn_selection *selection,
                                                      struct cairn_site_map **map, struct cairn_error *error);
void cairn_site_map_free(struct cairn_site_map *map);
/* Index of the site with that number; SIZE_MAX: none. */
size_t cairn_site_map_find(const struct cairn_site_map *map, int64_t site_id);

#endif
