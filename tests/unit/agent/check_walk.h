/* What check_walk.so finds: the beginning of the file CAIRN_CHECK_WALK names, shared by a process and its forked
 * children, so that it is there however they end. Text about the first differences follows, up to `text_bytes`. */
#ifndef CAIRN_TEST_CHECK_WALK_H
#define CAIRN_TEST_CHECK_WALK_H

#include <stdatomic.h>
#include <stdint.h>

#define CHECK_WALK_FILE_BYTES 65536u

struct check_walk_results {
    _Atomic uint64_t captures;
    _Atomic uint64_t compared;
    _Atomic uint64_t equal;
    _Atomic uint64_t truncated;    /* equal as far as max_depth */
    _Atomic uint64_t oracle_early; /* libunwind ended first, and all it saw was equal */
    _Atomic uint64_t
        guessed; /* equal up to a frame without call frame information, where libunwind guesses */
    _Atomic uint64_t stopped; /* ours ended first with a STOPPED node, and all it saw was equal */
    _Atomic uint64_t differences;
    _Atomic uint64_t malformed; /* the ring held what the wire does not allow */
    _Atomic uint64_t frames;    /* compared */
    _Atomic uint64_t text_bytes;
};

#endif
