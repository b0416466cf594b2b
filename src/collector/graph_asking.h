/* Object graphs that are asked for from outside of the program: by `cairn snapshot --graph`, before a SIGTERM is passed on,
 * every so often, and whenever the heap has grown (record --graph). The program answers at its next event; one that does
 * nothing is looked at in place. */
#ifndef CAIRN_COLLECTOR_GRAPH_ASKING_H
#define CAIRN_COLLECTOR_GRAPH_ASKING_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/session.h"

struct cairn_recorder;
struct cairn_target;

/*  queued (number 0) ──► asked ──(GRAPH record with the number, or in place)──► taken (serial known) ──► freed  */
struct cairn_graph_ask {
    struct cairn_graph_ask *next;
    uint32_t process;
    uint32_t number; /* as the program was asked; 0: its turn has not come */
    bool taken;      /* a job has it */
    bool urgent;     /* somebody waits: a program that does nothing is looked at in place */
    bool in_place;   /* that was tried */
    int64_t since_ns, asked_ns;
    char *name;
    struct cairn_session_call call; /* of a command that waits for its answer; fd −1: none */
    int signal;                     /* to be passed on once the program goes on; 0: none */
};

/* A command's. Takes the connection over. */
void cairn_graph_ask_command(struct cairn_recorder *recorder, struct cairn_session_call *call);
/* Before that signal is passed on to the target; false where no graph can be had first. */
bool cairn_graph_ask_before(struct cairn_recorder *recorder, const struct cairn_target *target, int signal);
/* The ask with that number, taken by the caller's job from now on; NULL when there is none. */
struct cairn_graph_ask *cairn_graph_ask_take(struct cairn_recorder *recorder, uint32_t process,
                                             uint32_t number);
/* The program, which stands still, need not answer any more. */
void cairn_graph_ask_withdraw(const struct cairn_target *target);
/* The program goes on. */
void cairn_graph_ask_goes_on(struct cairn_recorder *recorder, struct cairn_graph_ask *ask);
/* The graph is on its way to the trace, or (`graph` 0) left out: who waits is told when the trace says so. Frees the ask. */
void cairn_graph_ask_finish(struct cairn_recorder *recorder, struct cairn_graph_ask *ask, uint32_t graph);
/* Asks what is due, and again where there was no answer. */
void cairn_graph_asking_tend(struct cairn_recorder *recorder, int64_t now_ns);
void cairn_graph_asking_free(struct cairn_recorder *recorder);

#endif
