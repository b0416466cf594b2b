/* Lines of Python code: from a code object's line table and an instruction's offset.
 *
 * Three formats, told apart by the interpreter's minor version: lnotab (to 3.9), ranges with line deltas (3.10), location
 * entries (3.11 on). The tables come from a recorded process: they are checked, never trusted. */
#ifndef CAIRN_COLLECTOR_PYTHON_LINES_H
#define CAIRN_COLLECTOR_PYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

/* The line of the instruction at `offset` (bytes from the code's first instruction) in code of Python 3.`minor` whose
 * definition starts at `first_line`; that line for CAIRN_PYTHON_NOT_BEGUN; 0 when the instruction has no line or the table does not say. */
int64_t cairn_python_line(unsigned minor, int64_t first_line, const uint8_t *table, size_t table_size,
                          uint32_t offset);

#endif
