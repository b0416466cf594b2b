/* Answers to commands that wait until what they tell of can be read in the trace. */
#ifndef CAIRN_COLLECTOR_ANSWERS_H
#define CAIRN_COLLECTOR_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/session.h"

struct cairn_recorder;
struct cairn_late_answer;

/* Commits what there is, and answers once that is done. Takes the connection over. `number` as in struct cairn_session_answer. */
void cairn_answer_when_committed(struct cairn_recorder *recorder, struct cairn_session_call *call,
                                 enum cairn_session_status status, uint32_t number);
/* Answers what was committed meanwhile; where writing failed, that nothing came of it. */
void cairn_answers_tend(struct cairn_recorder *recorder);
/* The trace is written: answers all that are left. `kept`: everything is in it. */
void cairn_answers_end(struct cairn_recorder *recorder, bool kept);

#endif
