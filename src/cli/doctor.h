/* What `cairn doctor` looks at; the checks are in doctor_checks.c, one function each. */
#ifndef CAIRN_CLI_DOCTOR_H
#define CAIRN_CLI_DOCTOR_H

#include <stddef.h>

/* FINE: nothing to do. NOTE: recording works, something else is less than it could be. STOPS: no recording. */
enum cairn_finding_state { CAIRN_FINDING_FINE = 0, CAIRN_FINDING_NOTE, CAIRN_FINDING_STOPS };

struct cairn_finding {
    enum cairn_finding_state state;
    char found[256]; /* what is there; raw text */
    char mend[256];  /* what to do; "" when nothing is */
};

struct cairn_check {
    const char *name;
    void (*look)(struct cairn_finding *finding);
};

extern const struct cairn_check cairn_checks[]; /* ends with a nameless one */

#endif
