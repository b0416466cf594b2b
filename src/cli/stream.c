#include "cli/stream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

#define FLUSH_BYTES (64u * 1024u)

void cairn_stream_init(struct cairn_stream *stream, int descriptor)
{
    *stream = (struct cairn_stream){.descriptor = descriptor};
}

static void flush(struct cairn_stream *stream)
{
    if (stream->pending.failed && stream->failure == 0) {
        stream->failure = ENOMEM;
    }
    size_t done = 0;
    while (stream->failure == 0 && done < stream->pending.length) {
        const ssize_t written =
            write(stream->descriptor, stream->pending.data + done, stream->pending.length - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (written < 0 && errno != EINTR) {
            stream->failure = errno;
        }
    }
    cairn_buffer_reset(&stream->pending);
}

void cairn_stream_write(struct cairn_stream *stream, const char *bytes, size_t length)
{
    if (stream->failure != 0) {
        return;
    }
    cairn_buffer_append(&stream->pending, bytes, length);
    if (stream->pending.length >= FLUSH_BYTES || stream->pending.failed) {
        flush(stream);
    }
}

void cairn_stream_text(struct cairn_stream *stream, const char *text)
{
    cairn_stream_write(stream, text, strlen(text));
}

void cairn_stream_format(struct cairn_stream *stream, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length > 0) {
        cairn_stream_write(stream, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    }
}

void cairn_stream_repeat(struct cairn_stream *stream, char byte, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cairn_stream_write(stream, &byte, 1);
    }
}

int cairn_stream_finish(struct cairn_stream *stream)
{
    flush(stream);
    cairn_buffer_release(&stream->pending);
    if (stream->failure == 0 || stream->failure == EPIPE || stream->failure == EBADF) {
        return CAIRN_EXIT_DONE;
    }
    return cairn_complain_format("standard output: %s: what was printed is not whole",
                                 strerror(stream->failure));
}
