#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 64u

void cairn_buffer_release(struct cairn_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct cairn_buffer)CAIRN_BUFFER_INIT;
}

void cairn_buffer_reset(struct cairn_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    if (buffer->data) {
        buffer->data[0] = '\0';
    }
}

bool cairn_buffer_reserve(struct cairn_buffer *buffer, size_t extra)
{
    if (buffer->failed) {
        return false;
    }
    /* One byte of every capacity is the terminator's. */
    if (buffer->capacity > 0 && extra < buffer->capacity - buffer->length) {
        return true;
    }
    if (extra >= SIZE_MAX / 2 - buffer->length) {
        buffer->failed = true;
        return false;
    }
    const size_t needed = buffer->length + extra + 1;
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_BYTES;
    while (capacity < needed) {
        capacity += capacity / 2;
    }
    char *const data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    data[buffer->length] = '\0';
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void cairn_buffer_append(struct cairn_buffer *buffer, const void *bytes, size_t length)
{
    if (!cairn_buffer_reserve(buffer, length)) {
        return;
    }
    if (length > 0) {
        memcpy(buffer->data + buffer->length, bytes, length);
    }
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void cairn_buffer_text(struct cairn_buffer *buffer, const char *text)
{
    cairn_buffer_append(buffer, text, strlen(text));
}

void cairn_buffer_byte(struct cairn_buffer *buffer, char byte)
{
    cairn_buffer_append(buffer, &byte, 1);
}

void cairn_buffer_format(struct cairn_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        buffer->failed = true;
    } else if (cairn_buffer_reserve(buffer, (size_t)length)) {
        vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

const char *cairn_buffer_cstr(const struct cairn_buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}
