/* The schema of the traces this build writes. schema.sql is compiled in; docs/trace-format.md explains it. */
#ifndef CAIRN_TRACE_SCHEMA_H
#define CAIRN_TRACE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#define CAIRN_APPLICATION_ID 0x43524e31 /* "CRN1", PRAGMA application_id */
#define CAIRN_SCHEMA_VERSION 3          /* PRAGMA user_version */
#define CAIRN_SCHEMA_OLDEST  1          /* that is still read */

/* Of the files that are written, in bytes. Half of the tables have a row or none, and take a page each; a chunk of events takes
 * hundreds, which are read one after the other. Any other size is read, too. */
#define CAIRN_PAGE_BYTES 1024

/* The text of schema.sql, NUL-terminated, and its length without the NUL. */
extern const char cairn_schema_text[];
extern const size_t cairn_schema_text_size;
/* The pages of an SQLite file with that schema, the two numbers above, and no rows. */
extern const char cairn_schema_empty[];
extern const size_t cairn_schema_empty_size;

/* The statement that a version had for a table or view where schema.sql has another one now; NULL: it had the same. Of
 * versions with one name the oldest must stand first. Static. */
const char *cairn_schema_older(uint32_t version, const char *name);

#endif
