/* Memory for libdw, which has no answer to its lack: it ends the process, by exit(), an assertion or a null pointer. Internal to the
 * collector. */
#ifndef CAIRN_COLLECTOR_DWARF_ROOM_H
#define CAIRN_COLLECTOR_DWARF_ROOM_H

#include <elfutils/libdw.h>
#include <setjmp.h>
#include <stdbool.h>

/* Whether there is room for one question to libdw, by the limits of this process (ulimit -v, ulimit -d). Other threads may take it meanwhile. */
bool cairn_dwarf_room(void);
/* From now on a Dwarf of the calling thread that finds no memory after all goes on at `lack`; it must not be used then, nor ended. NULL: no
 * longer. Where there is a limit, a null pointer counts as such. */
void cairn_dwarf_room_lack(jmp_buf *lack);
/* Makes it do so. */
void cairn_dwarf_room_watch(Dwarf *dwarf);

#endif
