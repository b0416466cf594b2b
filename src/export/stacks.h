/* Every stack with its counts, for the formats that list them. Internal to export. */
#ifndef CAIRN_EXPORT_STACKS_H
#define CAIRN_EXPORT_STACKS_H

#include "export/export.h"
#include "query/top.h"

/* cairn_top() by stack, all of it. */
CAIRN_MUST_CHECK enum cairn_status cairn_export_stacks(const struct cairn_export *export,
                                                       struct cairn_top *top, struct cairn_error *error);
/* The frames of a row's stack from the one that is charged outward, innermost first, into `*frames` (owned by the arena);
 * 0 when there are none. CAIRN_E_NOMEM. */
CAIRN_MUST_CHECK enum cairn_status cairn_export_frames(const struct cairn_export *export,
                                                       const struct cairn_top_row *row,
                                                       struct cairn_arena *arena,
                                                       const struct cairn_frame ***frames, size_t *count,
                                                       struct cairn_error *error);

#endif
