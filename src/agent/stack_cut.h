/* Where a stack is cut that is deeper than --max-depth: the rule for native and for Python stacks.
 *
 * Were the innermost frames always as many, every call and return would move the cut, and with it the root of the trie: all
 * nodes of the stack would be new. So a cut stays for a while. A stack that is walked as a whole is cut at a multiple of the
 * slack, counted from its outermost frame, and others go on from that cut while they have enough frames and not too many. */
#ifndef CAIRN_AGENT_STACK_CUT_H
#define CAIRN_AGENT_STACK_CUT_H

#include <stdbool.h>
#include <stdint.h>

/* Who asks for less wants exactly that. */
#define CAIRN_CUT_EXACT_BELOW 64u

/* By how many frames the cut moves: 0 where all `max_depth` innermost frames are kept. */
static inline uint32_t cairn_cut_slack(uint32_t max_depth)
{
    return max_depth < CAIRN_CUT_EXACT_BELOW ? 0 : max_depth / 4;
}

/* Frames beyond the `max_depth` innermost that are counted, at most. */
static inline uint32_t cairn_cut_looks(uint32_t max_depth)
{
    return cairn_cut_slack(max_depth) == 0 ? 1 : max_depth;
}

/* How many innermost frames stay of a stack of `depth` frames, more than `max_depth`: so many that a slack's half is free for
 * deeper ones. */
static inline uint32_t cairn_cut_kept(uint32_t depth, uint32_t max_depth)
{
    const uint32_t slack = cairn_cut_slack(max_depth);
    if (slack == 0) {
        return max_depth;
    }
    const uint32_t beyond = depth - (max_depth - slack / 2);
    return depth - (beyond + slack - 1) / slack * slack;
}

/* Whether a stack of `kept` frames may go on from a cut beyond which there were `dropped` (0: it is whole). */
static inline bool cairn_cut_fits(uint32_t kept, uint32_t dropped, uint32_t max_depth)
{
    return kept <= max_depth && (dropped == 0 || (kept + dropped > max_depth &&
                                                  kept >= max_depth - 2 * cairn_cut_slack(max_depth)));
}

#endif
