/* Text for XML and HTML: made visible by cairn_sanitise(), then & < > " ' as character references, so that it is data
 * between tags and inside quoted attributes alike. */
#ifndef CAIRN_BASE_MARKUP_H
#define CAIRN_BASE_MARKUP_H

#include "base/buffer.h"

/* Appends to `out`; NULL appends nothing. A failed allocation shows in out->failed. */
void cairn_markup_text(struct cairn_buffer *out, const char *text);

#endif
