/* What a row of an answer is called, from the fixture's side and from the answer's, so that the two can be compared. */
#ifndef CAIRN_TEST_NAMES_H
#define CAIRN_TEST_NAMES_H

#include "query/selection.h"
#include "random_trace.h"

#define NAME_SIZE 512

/* The row an account counts for. False when the language leaves it out. */
bool names_of_account(const struct fixture *fixture, const struct cairn_account *account, enum cairn_by by,
                      enum cairn_lang_choice lang, char name[NAME_SIZE]);
/* The row a frame of a stack counts for (cumulative). */
void names_of_frame(const struct fixture *fixture, uint32_t frame, enum cairn_by by, char name[NAME_SIZE]);
void names_of_site(const struct cairn_site *site, enum cairn_by by, char name[NAME_SIZE]);
/* Index in the account's stack of the frame that is charged; the stack must not be empty. */
size_t names_charged(const struct fixture *fixture, const struct cairn_account *account,
                     enum cairn_lang_choice lang);
/* A selection with everything at its default but grouping and metric. */
struct cairn_selection names_selection(enum cairn_by by, enum cairn_metric metric);

#endif
