/* A whole file: an honest trace with bytes of it replaced, and cut or made longer. An input is a list of places and bytes. */
#include "input.h"
#include "questions.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t changed[1 << 20];
    static char path[256];
    struct input input = {.at = data, .left = size};
    size_t length;
    const uint8_t *honest = scratch_trace(&length);
    if (path[0] == '\0') {
        memcpy(path, scratch_path("changed.cairn"), sizeof(path));
    }
    memcpy(changed, honest, length);
    while (input.left > 4) {
        const size_t at = (size_t)input_number(&input, 3) % length;
        const size_t most = (size_t)input_number(&input, 1);
        size_t count;
        if (most == 0xff) { /* the file ends here */
            length = at + 1;
            continue;
        }
        const uint8_t *bytes = input_bytes(&input, most % 16 + 1, &count);
        memcpy(changed + at, bytes, count < length - at ? count : length - at);
    }
    scratch_write(path, changed, length);
    ask_some(path, size > 0 ? data[size - 1] : ASK_EVERYTHING); /* the last byte chooses */
    return 0;
}
