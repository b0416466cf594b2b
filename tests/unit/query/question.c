#include "question.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct cairn_moment question_moment(const struct fixture *fixture, uint64_t position)
{
    return (struct cairn_moment){
        .position = position,
        .t_ns = position ? (int64_t)fixture->events[position - 1].t_ns : 0,
    };
}

struct question question_ask(struct fixture *fixture, struct cairn_trace *trace)
{
    const uint64_t end = model_end_position(fixture);
    return (struct question){
        .fixture = fixture,
        .trace = trace,
        .at = question_moment(fixture, fixture_random(fixture, (uint32_t)end + 1)),
        .span = {.to = question_moment(fixture, end)},
    };
}

struct cairn_trace *question_trace(const struct fixture *fixture)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    if (cairn_trace_open(fixture->path, NULL, &trace, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    return trace;
}
