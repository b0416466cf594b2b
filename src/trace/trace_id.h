/* What tells one trace from every other, whatever their files are called. */
#ifndef CAIRN_TRACE_TRACE_ID_H
#define CAIRN_TRACE_TRACE_ID_H

#define CAIRN_TRACE_ID_SIZE 37 /* with the NUL */

/* A random UUID, version 4. */
void cairn_trace_id_make(char text[CAIRN_TRACE_ID_SIZE]);

#endif
