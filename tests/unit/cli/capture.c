#include "capture.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void capture_open(struct capture *capture)
{
    const int descriptor = memfd_create("capture", MFD_CLOEXEC);
    if (descriptor < 0) {
        abort();
    }
    cairn_stream_init(&capture->stream, descriptor);
}

const char *capture_finish(struct capture *capture)
{
    const int descriptor = capture->stream.descriptor;
    cairn_stream_finish(&capture->stream);
    const ssize_t length = pread(descriptor, capture->text, sizeof capture->text - 1, 0);
    capture->text[length > 0 ? length : 0] = '\0';
    close(descriptor);
    return capture->text;
}
