/* A folder and a trace's path in it, fresh for every test, and questions to the file that is left there. */
#ifndef CAIRN_TESTS_WRITER_FIXTURE_H
#define CAIRN_TESTS_WRITER_FIXTURE_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "trace/writer.h"

extern char fixture_folder[];
extern char fixture_path[PATH_MAX];
extern struct cairn_error fixture_error;

/* For cmocka: before and after all tests, before each. */
int fixture_make_folder(void **state);
int fixture_remove_folder(void **state);
int fixture_fresh(void **state);

/* How many files there are in the folder. */
int count_files(void);
sqlite3 *open_plain(void);
int64_t ask(sqlite3 *db, const char *sql);
/* The first column of the first row, in a static buffer. */
const char *ask_text(sqlite3 *db, const char *sql);
/* With a connection of its own. */
int64_t ask_file(const char *sql);

/* These fail the test when they fail. */
struct cairn_writer *create(void);
void put_recording(struct cairn_writer *writer, bool complete);
void commit(struct cairn_writer *writer);
void close_well(struct cairn_writer *writer);

#endif
