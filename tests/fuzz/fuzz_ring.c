/* A ring whose writer writes anything and moves its cursors anywhere, between two looks of the reader. */
#include <stdlib.h>

#include "collector/ring_reader.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t words[CAIRN_RING_BYTES / 8];
    struct cairn_ring_control control = {.state = CAIRN_RING_OWNED};
    struct cairn_ring_reader reader;
    struct input input = {.at = data, .left = size};
    uint64_t newest = 0;
    cairn_ring_reader_init(&reader, &control, words);
    while (input.left > 0) {
        const unsigned choice = (unsigned)input_number(&input, 1);
        const uint64_t head = atomic_load(&control.head);
        size_t count;
        const uint8_t *bytes = input_bytes(&input, choice % 64, &count);
        memcpy((uint8_t *)words + (head & (CAIRN_RING_BYTES - 1) & ~7ull) % (CAIRN_RING_BYTES - 64), bytes,
               count);
        atomic_store(&control.inside, choice & 0x40 ? input_number(&input, 2) : 0);
        if (choice & 0x80) { /* a cursor that no writer sets, or one near the end of the ring */
            atomic_store(&control.head, head + input_number(&input, 3));
        } else {
            atomic_store(&control.head, head + (count + 7) / 8 * 8);
        }
        const size_t taken = cairn_ring_reader_copy(&reader, input_number(&input, 2));
        INVARIANT(taken <= CAIRN_RING_BYTES && reader.begin <= reader.end && reader.end <= reader.capacity);
        while (reader.begin < reader.end) {
            const uint64_t *record = reader.staged + reader.begin;
            const uint32_t length = cairn_record_words(record, reader.end - reader.begin);
            INVARIANT(length > 0 && cairn_record_stamp(record) >= newest);
            newest = cairn_record_stamp(record);
            reader.begin += length;
        }
        cairn_ring_reader_shrink(&reader);
    }
    cairn_ring_reader_release(&reader);
    return 0;
}
