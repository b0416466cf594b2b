#include "query/told_by.h"

const char *cairn_told_by(const struct cairn_recording *recording)
{
    if (!(recording->untold & CAIRN_UNTOLD_AROUND)) {
        return NULL;
    }
    if (!(recording->untold & CAIRN_UNTOLD_EVENTS)) {
        return "as heaptrack told it";
    }
    if (recording->untold & CAIRN_UNTOLD_TIME_INSTRUCTIONS) {
        return "as massif told it, times are instructions";
    }
    if (recording->untold & CAIRN_UNTOLD_TIME_BYTES) {
        return "as massif told it, times are bytes allocated and freed";
    }
    return "as massif told it";
}
