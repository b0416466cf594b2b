/* Recordings of heaptrack and massif from strangers: whatever is in them, the import ends in a whole trace that answers, or in a
 * sentence and without a file. */
#include <unistd.h>

#include "import/import.h"
#include "input.h"
#include "questions.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char from[256], to[256], part[512];
    struct cairn_import_report report;
    struct cairn_error error = {.status = CAIRN_OK};
    if (from[0] == '\0') {
        memcpy(from, scratch_path("recording"), sizeof(from));
        memcpy(to, scratch_path("imported.cairn"), sizeof(to));
        strcat(strcpy(part, to), ".part");
    }
    scratch_write(from, data, size);
    const enum cairn_status status = cairn_import(from, to, true, &report, &error);
    INVARIANT(access(part, F_OK) != 0);
    INVARIANT((access(to, F_OK) == 0) == (status == CAIRN_OK));
    if (status == CAIRN_OK) {
        ask_some(to, data[size - 1]);
        unlink(to);
    } else {
        INVARIANT(error.status == status && strlen(error.message) > 10);
    }
    return 0;
}
