/* Where CPython keeps what the agent reads: offsets in bytes by minor version, without its headers.
 *
 * Tried on 3.8 to 3.13, x86-64; 3.13 publishes its own, which are preferred. Nothing is taken on trust: the self-test
 * compares a whole walk with the interpreter's own answer before a Python frame is recorded. */
#ifndef CAIRN_AGENT_PYTHON_LAYOUT_H
#define CAIRN_AGENT_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum cairn_python_lasti {
    CAIRN_LASTI_BYTES,       /* int: bytes of code (3.8, 3.9) */
    CAIRN_LASTI_UNITS,       /* int: units of two bytes (3.10) */
    CAIRN_LASTI_INSTRUCTION, /* pointer into the code object (3.11 on) */
};

struct cairn_python_layout {
    unsigned minor;
    /* thread state → innermost frame; 3.11 and 3.12 go through a C frame */
    uint16_t thread_frame;
    uint16_t thread_interpreter; /* 3.12 on, where every interpreter may have a lock of its own; 0 before */
    bool through_c_frame;
    uint16_t c_frame_frame;
    /* frame */
    uint16_t frame_previous, frame_code, frame_lasti;
    enum cairn_python_lasti lasti;
    uint16_t frame_owner; /* 0: there is none (to 3.10) */
    /* code object */
    uint16_t code_first_traceable; /* 3.11 on: frames before it are incomplete */
    uint16_t code_instructions;    /* 3.11 on */
    uint16_t code_filename, code_name, code_first_line, code_lines;
    uint16_t code_local_count, code_local_names; /* 3.11 on: int, tuple of str */
    /* frame's first local, 3.11 on */
    uint16_t frame_locals;
    /* str */
    uint16_t ascii_data, compact_data;
    /* type made by Python code or as if it were: its __name__ */
    uint16_t heap_type_name;
};

#define CAIRN_OWNER_GENERATOR 1
#define CAIRN_OWNER_C_STACK   3

/* The layout of Python 3.`minor`, NULL when it is not known. `runtime` is &_PyRuntime, NULL when it is not exported: 3.13's
 * own offsets are taken from there. `why` says in words why there is none (free-threaded build, unknown version). */
const struct cairn_python_layout *cairn_python_layout(unsigned minor, const void *runtime, const char **why);

#endif
