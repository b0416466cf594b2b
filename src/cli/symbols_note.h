/* Modules of a trace whose names are missing, and what mends it: for `info` and for the summary after `record`. */
#ifndef CAIRN_CLI_SYMBOLS_NOTE_H
#define CAIRN_CLI_SYMBOLS_NOTE_H

#include "base/buffer.h"
#include "cairn/trace.h"

/* Whether names (and lines) of the module are missing. */
bool cairn_module_lacks_symbols(const struct cairn_module *module);
/* One sentence "libfoo.so has no symbols: …; what to do", raw. False when nothing is missing. */
bool cairn_module_note(const struct cairn_module *module, struct cairn_buffer *sentence);

#endif
