/* What is asked of a trace made at random: a moment of it, and the span up to its end. */
#ifndef CAIRN_TESTS_QUESTION_H
#define CAIRN_TESTS_QUESTION_H

#include "model.h"
#include "query/moment.h"
#include "query/selection.h"

struct question {
    struct fixture *fixture;
    struct cairn_trace *trace;
    struct cairn_selection selection;
    struct cairn_moment at;
    struct cairn_span span;
    bool bottom_up; /* of trees */
};

/* The moment behind so many events. */
struct cairn_moment question_moment(const struct fixture *fixture, uint64_t position);
/* At a moment chosen at random, from the fixture's own numbers. */
struct question question_ask(struct fixture *fixture, struct cairn_trace *trace);
/* Fails the test when it cannot be opened. */
struct cairn_trace *question_trace(const struct fixture *fixture);

#endif
