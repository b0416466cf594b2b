/* A growing byte string, always NUL-terminated: the usual way to build text and blobs outside the agent. */
#ifndef CAIRN_BASE_BUFFER_H
#define CAIRN_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `data` is NULL or owned, `length` bytes long with a NUL behind. After a failed allocation `failed` stays set and
 * further appends do nothing: check once at the end. */
struct cairn_buffer {
    char *data;
    size_t length;
    size_t capacity;
    bool failed;
};

#define CAIRN_BUFFER_INIT                                                                                    \
    {                                                                                                        \
        .data = NULL                                                                                         \
    }

void cairn_buffer_release(struct cairn_buffer *buffer);
/* Empties it, keeps the memory, clears `failed`. */
void cairn_buffer_reset(struct cairn_buffer *buffer);
/* Makes room for `extra` more bytes; false when memory ran out. */
bool cairn_buffer_reserve(struct cairn_buffer *buffer, size_t extra);
void cairn_buffer_append(struct cairn_buffer *buffer, const void *bytes, size_t length);
void cairn_buffer_text(struct cairn_buffer *buffer, const char *text);
void cairn_buffer_byte(struct cairn_buffer *buffer, char byte);
void cairn_buffer_format(struct cairn_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The text, or "" when empty. Borrowed until the next call on `buffer`. */
const char *cairn_buffer_cstr(const struct cairn_buffer *buffer);

#endif
