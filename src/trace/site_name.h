/* The part of a function's full name that site rules are about. */
#ifndef CAIRN_TRACE_SITE_NAME_H
#define CAIRN_TRACE_SITE_NAME_H

#include <stddef.h>

#define CAIRN_SITE_NAME_MAX 512

/* Writes `function` without return type, template arguments, parameters and the compiler's suffixes, cut to fit. Names
 * that begin with '<' (Rust's trait implementations) are only cut. Returns the length. */
size_t cairn_site_name(char out[CAIRN_SITE_NAME_MAX], const char *function);

#endif
