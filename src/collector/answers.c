#include "collector/answers.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "collector/recorder.h"
#include "collector/store.h"

struct cairn_late_answer {
    struct cairn_late_answer *next;
    struct cairn_session_call call;
    enum cairn_session_status status;
    uint32_t number;
    uint64_t commit; /* the one that has to be done first */
};

void cairn_answer_when_committed(struct cairn_recorder *recorder, struct cairn_session_call *call,
                                 enum cairn_session_status status, uint32_t number)
{
    struct cairn_late_answer *answer = malloc(sizeof *answer);
    if (!answer) {
        cairn_session_answer(call, (int32_t)status, number, -1);
        return;
    }
    epoll_ctl(recorder->epoll, EPOLL_CTL_DEL, call->fd, NULL); /* nothing more is expected from there */
    cairn_recorder_commit(recorder, cairn_clock_elapsed_ns(&recorder->clock), false);
    *answer = (struct cairn_late_answer){
        .call = *call, .status = status, .number = number, .commit = recorder->commits};
    call->fd = -1;
    struct cairn_late_answer **at = &recorder->late_answers;
    while (*at) {
        at = &(*at)->next;
    }
    *at = answer;
}

static void answer_first(struct cairn_recorder *recorder, bool kept)
{
    struct cairn_late_answer *answer = recorder->late_answers;
    recorder->late_answers = answer->next;
    const enum cairn_session_status status = kept ? answer->status : CAIRN_SESSION_LEFT_OUT;
    cairn_session_answer(&answer->call, (int32_t)status, answer->number, -1);
    free(answer);
}

void cairn_answers_tend(struct cairn_recorder *recorder)
{
    /* In this order: what was committed before a failure is kept. */
    const bool failed = recorder->late_answers && cairn_store_failed(recorder->store, NULL);
    const uint64_t done = cairn_store_commits(recorder->store);
    while (recorder->late_answers && (failed || recorder->late_answers->commit <= done)) {
        answer_first(recorder, recorder->late_answers->commit <= done);
    }
}

void cairn_answers_end(struct cairn_recorder *recorder, bool kept)
{
    while (recorder->late_answers) {
        answer_first(recorder, kept);
    }
}
