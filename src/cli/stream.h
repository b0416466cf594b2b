/* Standard output as the commands write it: buffered, and every failure noticed. */
#ifndef CAIRN_CLI_STREAM_H
#define CAIRN_CLI_STREAM_H

#include <stddef.h>

#include "base/buffer.h"

/* `failure` is the errno of the first write that failed (or ENOMEM); nothing is written after it. */
struct cairn_stream {
    int descriptor;
    int failure;
    struct cairn_buffer pending;
};

void cairn_stream_init(struct cairn_stream *stream, int descriptor);
void cairn_stream_write(struct cairn_stream *stream, const char *bytes, size_t length);
void cairn_stream_text(struct cairn_stream *stream, const char *text);
void cairn_stream_format(struct cairn_stream *stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cairn_stream_repeat(struct cairn_stream *stream, char byte, size_t count);
/* Writes what is pending, releases the memory and returns the exit status: done, also where the reader went away or
 * there is no standard output at all; failed, with a sentence on stderr, for any other error (a full disk). */
int cairn_stream_finish(struct cairn_stream *stream);

#endif
