/* site_rules.txt, compiled in. */
#ifndef CAIRN_TRACE_SITE_RULES_H
#define CAIRN_TRACE_SITE_RULES_H

#include <stddef.h>

/* NUL-terminated; the size is without the NUL. */
extern const char cairn_site_rules_text[];
extern const size_t cairn_site_rules_text_size;

#endif
