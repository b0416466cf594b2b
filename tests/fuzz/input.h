/* The bytes of one fuzz input, taken piece by piece; zeroes once they are used up. */
#ifndef CAIRN_TESTS_FUZZ_INPUT_H
#define CAIRN_TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What libFuzzer calls, and replay.c. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint64_t input_number(struct input *input, size_t bytes)
{
    uint64_t value = 0;
    const size_t there = bytes < input->left ? bytes : input->left;
    memcpy(&value, input->at, there);
    input->at += there;
    input->left -= there;
    return value;
}

/* Up to `most` bytes, borrowed. */
static inline const uint8_t *input_bytes(struct input *input, size_t most, size_t *size)
{
    const uint8_t *bytes = input->at;
    *size = most < input->left ? most : input->left;
    input->at += *size;
    input->left -= *size;
    return bytes;
}

/* Must hold whatever the input is. */
#define INVARIANT(condition)                                                                                 \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            __builtin_trap();                                                                                \
        }                                                                                                    \
    } while (0)

#endif
