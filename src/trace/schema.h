/* The schema of the traces this build writes. schema.sql is compiled in; docs/trace-format.md explains it. */
#ifndef CAIRN_TRACE_SCHEMA_H
#define CAIRN_TRACE_SCHEMA_H

#include <stddef.h>

#define CAIRN_APPLICATION_ID 0x43524e31 /* "CRN1", PRAGMA application_id */
#define CAIRN_SCHEMA_VERSION 1          /* PRAGMA user_version */

/* The text of schema.sql, NUL-terminated, and its length without the NUL. */
extern const char cairn_schema_text[];
extern const size_t cairn_schema_text_size;

#endif
