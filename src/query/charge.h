/* Which frame of a stack pays, under a selection's language and rule. Internal to query.
 *
 * Built once for a map over all stacks; verdicts about frames are cached. */
#ifndef CAIRN_QUERY_CHARGE_H
#define CAIRN_QUERY_CHARGE_H

#include "query/key_map.h"
#include "query/selection.h"
#include "query/stack_frames.h"

struct cairn_charge {
    struct cairn_trace *trace; /* borrowed */
    enum cairn_lang_choice lang;
    const struct cairn_site_rule *rule; /* borrowed; NULL: the trace's own sites */
    struct cairn_site_rule *builtin;    /* owned; made when a site is not in the trace */
    struct cairn_key_map verdicts;      /* frame → packed candidate */
    struct cairn_site_candidate *candidates;
    size_t capacity;
    struct cairn_stack_frames walk;
    bool stacks_loaded;
};

void cairn_charge_init(struct cairn_charge *charge, struct cairn_trace *trace, enum cairn_lang_choice lang,
                       const struct cairn_site_rule *rule);
void cairn_charge_release(struct cairn_charge *charge);

/* The frame an account pays for, borrowed from the trace: NULL when its stack is empty. `*selected` is false when the
 * language asked for has no part in it. */
CAIRN_MUST_CHECK enum cairn_status cairn_charge_frame(struct cairn_charge *charge,
                                                      const struct cairn_account *account,
                                                      const struct cairn_frame **frame, bool *selected,
                                                      struct cairn_error *error);

/* The path outward from the frame that pays, innermost first, in charge->walk from `*first` on; frames of the other
 * language are taken out when one was asked for. */
CAIRN_MUST_CHECK enum cairn_status cairn_charge_path(struct cairn_charge *charge,
                                                     const struct cairn_account *account, size_t *first,
                                                     bool *selected, struct cairn_error *error);

#endif
