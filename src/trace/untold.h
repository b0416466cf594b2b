/* Columns that the format of an imported trace does not tell: the file cannot hold NULL in all of them, readers make them
 * unknown. Internal to trace. */
#ifndef CAIRN_TRACE_UNTOLD_H
#define CAIRN_TRACE_UNTOLD_H

#include "trace/rows.h"

/* enum cairn_untold by the origin of the first process; 0 for one of cairn's own, and for NULL. */
unsigned cairn_untold_by(const char *origin);

void cairn_untold_recording(struct cairn_recording *row); /* by row->untold */
void cairn_untold_process(unsigned untold, struct cairn_process *row);
void cairn_untold_thread(unsigned untold, struct cairn_thread *row);
void cairn_untold_snapshot(unsigned untold, struct cairn_snapshot *row);
void cairn_untold_point(unsigned untold, struct cairn_timeline_point *row);

#endif
