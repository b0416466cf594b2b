#include "agent/python/layout.h"

#include <stddef.h>
#include <string.h>

#define FIRST_MINOR 8u

static const struct cairn_python_layout layouts[] = {
    {.minor = 8,
     .thread_frame = 24,
     .frame_previous = 24,
     .frame_code = 32,
     .frame_lasti = 104,
     .lasti = CAIRN_LASTI_BYTES,
     .code_filename = 104,
     .code_name = 112,
     .code_first_line = 40,
     .code_lines = 120,
     .ascii_data = 48,
     .compact_data = 72},
    {.minor = 9,
     .thread_frame = 24,
     .frame_previous = 24,
     .frame_code = 32,
     .frame_lasti = 104,
     .lasti = CAIRN_LASTI_BYTES,
     .code_filename = 104,
     .code_name = 112,
     .code_first_line = 40,
     .code_lines = 120,
     .ascii_data = 48,
     .compact_data = 72},
    {.minor = 10,
     .thread_frame = 24,
     .frame_previous = 24,
     .frame_code = 32,
     .frame_lasti = 96,
     .lasti = CAIRN_LASTI_UNITS,
     .code_filename = 104,
     .code_name = 112,
     .code_first_line = 40,
     .code_lines = 120,
     .ascii_data = 48,
     .compact_data = 72},
    {.minor = 11,
     .thread_frame = 56,
     .through_c_frame = true,
     .c_frame_frame = 8,
     .frame_previous = 48,
     .frame_code = 32,
     .frame_lasti = 56,
     .lasti = CAIRN_LASTI_INSTRUCTION,
     .frame_owner = 69,
     .code_first_traceable = 168,
     .code_instructions = 184,
     .code_filename = 112,
     .code_name = 128, /* co_qualname */
     .code_first_line = 72,
     .code_lines = 136,
     .code_local_count = 76,
     .code_local_names = 96,
     .frame_locals = 72,
     .ascii_data = 48,
     .compact_data = 72},
    {.minor = 12,
     .thread_frame = 56,
     .through_c_frame = true,
     .c_frame_frame = 0,
     .frame_previous = 8,
     .frame_code = 0,
     .frame_lasti = 56,
     .lasti = CAIRN_LASTI_INSTRUCTION,
     .frame_owner = 70,
     .code_first_traceable = 176,
     .code_instructions = 192,
     .code_filename = 112,
     .code_name = 128,
     .code_first_line = 68,
     .code_lines = 136,
     .code_local_count = 72,
     .code_local_names = 96,
     .frame_locals = 72,
     .ascii_data = 40,
     .compact_data = 56},
    {.minor = 13,
     .thread_frame = 72,
     .frame_previous = 8,
     .frame_code = 0,
     .frame_lasti = 56,
     .lasti = CAIRN_LASTI_INSTRUCTION,
     .frame_owner = 70,
     .code_first_traceable = 184,
     .code_instructions = 200,
     .code_filename = 112,
     .code_name = 128,
     .code_first_line = 68,
     .code_lines = 136,
     .code_local_count = 72,
     .code_local_names = 96,
     .frame_locals = 72,
     .ascii_data = 40,
     .compact_data = 56},
};

/* 3.13's _PyRuntime begins with this cookie, its version and whether it is a free-threaded build. */
#define RUNTIME_COOKIE        "xdebugpy"
#define RUNTIME_FREE_THREADED 16

const struct cairn_python_layout *cairn_python_layout(unsigned minor, const void *runtime, const char **why)
{
    if (minor < FIRST_MINOR || minor - FIRST_MINOR >= sizeof layouts / sizeof *layouts) {
        *why = "this version's frames are not known";
        return NULL;
    }
    if (minor >= 13 && runtime && memcmp(runtime, RUNTIME_COOKIE, 8) == 0) {
        uint64_t free_threaded;
        memcpy(&free_threaded, (const char *)runtime + RUNTIME_FREE_THREADED, sizeof free_threaded);
        if (free_threaded) {
            *why = "it is a free-threaded build";
            return NULL;
        }
    }
    return &layouts[minor - FIRST_MINOR];
}
