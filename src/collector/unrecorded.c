/* Programs that a recorded one starts, and that are not recorded: what the trace says of them. */
#include "collector/recorder.h"
#include "wire/record.h"

static const char *reason(uint64_t why)
{
    switch ((enum cairn_unrecorded)why) {
    case CAIRN_UNRECORDED_STATIC:
        return "it is statically linked, so nothing can be preloaded into it";
    case CAIRN_UNRECORDED_NARROW:
        return "it is a 32-bit program";
    case CAIRN_UNRECORDED_FOREIGN:
        return "it is a program for another machine";
    case CAIRN_UNRECORDED_OTHER_LIBRARY:
        return "it is built for another C library than glibc";
    case CAIRN_UNRECORDED_SANITIZER:
        return "it runs with a sanitizer, whose allocator suffers nobody in front of it";
    case CAIRN_UNRECORDED_OUT_OF_REACH:
        return "it runs with another root folder or user, where the recorder cannot be reached";
    case CAIRN_UNRECORDED_VALGRIND:
        return "it runs under valgrind, which has an allocator of its own";
    case CAIRN_UNRECORDED_BY_OTHER:
        return "another recorder records it";
    case CAIRN_UNRECORDED_NO_ROOM:
        return "its arguments and environment are as long as the system allows, with no room for the "
               "recorder's";
    }
    return NULL;
}

/* Whether it is the first time. Two programs that are taken for one would be a pity, and no more. */
static bool is_news(struct cairn_recorder *recorder, uint64_t why, const char *program)
{
    uint64_t hash = 0xcbf29ce484222325ull + why; /* FNV-1a */
    for (; *program; program++) {
        hash = (hash ^ (uint8_t)*program) * 0x100000001b3ull;
    }
    const uint32_t count = recorder->unrecorded_count;
    for (uint32_t i = 0; i < count && i < CAIRN_UNRECORDED_MAX; i++) {
        if (recorder->unrecorded[i] == hash) {
            return false;
        }
    }
    if (count < CAIRN_UNRECORDED_MAX) {
        recorder->unrecorded[count] = hash;
    }
    return true;
}

void cairn_recorder_unrecorded(struct cairn_recorder *recorder, const struct cairn_target *target,
                               uint64_t why, const char *program)
{
    const char *text = reason(why);
    if (!text || recorder->unrecorded_count > CAIRN_UNRECORDED_MAX || !is_news(recorder, why, program)) {
        return;
    }
    if (recorder->unrecorded_count++ < CAIRN_UNRECORDED_MAX) {
        cairn_recorder_note(recorder, target->number, "%s was not recorded: %s",
                            program[0] ? program : "a program", text);
    } else {
        cairn_recorder_note(recorder, target->number, "more programs than these were not recorded");
    }
}
