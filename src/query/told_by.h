/* Whose numbers an imported trace holds: cairn has not counted them itself, and calls none of them exact. */
#ifndef CAIRN_QUERY_TOLD_BY_H
#define CAIRN_QUERY_TOLD_BY_H

#include "cairn/trace.h"

/* "as heaptrack told it"; NULL: cairn's own recording. Of massif's, also what its times are when they are no times. */
const char *cairn_told_by(const struct cairn_recording *recording);

#endif
