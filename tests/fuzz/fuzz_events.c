/* Chunks of events: the whole, its cross section, and how much of it that takes. What decodes must be in order, and encode to
 * something that decodes to the same. */
#include <stdlib.h>

#include "input.h"
#include "trace/event.h"

#define CAPACITY 4096u

static void check(const struct cairn_event *events, size_t count, uint64_t first)
{
    for (size_t i = 0; i < count; i++) {
        INVARIANT(events[i].kind <= CAIRN_EVENT_END);
        INVARIANT(i == 0 || events[i].t_ns >= events[i - 1].t_ns);
        const uint8_t kind = events[i].kind;
        INVARIANT(kind == CAIRN_EVENT_ALLOC || kind == CAIRN_EVENT_END || events[i].birth < first + i);
    }
}

static void encode_again(const struct cairn_event *events, size_t count, uint64_t first)
{
    static struct cairn_event again[CAPACITY];
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    size_t again_count = 0;
    if (cairn_events_encode(events, count, first, 1, &blob, NULL) == CAIRN_OK) {
        INVARIANT(cairn_events_decode(blob.data, blob.length, first, again, CAPACITY, &again_count, NULL) ==
                  CAIRN_OK);
        INVARIANT(again_count == count);
        for (size_t i = 0; i < count; i++) {
            INVARIANT(again[i].t_ns == events[i].t_ns && again[i].size == events[i].size &&
                      again[i].account == events[i].account && again[i].kind == events[i].kind);
        }
    }
    cairn_buffer_release(&blob);
}

/* The times alone say the same as the events. */
static void check_times(const struct input *input, const struct cairn_event *events, size_t count,
                        uint64_t until_ns, size_t most)
{
    struct cairn_event_decoder *const decoder = cairn_event_decoder_new();
    size_t passed = 0, all = 0, expected = 0;
    uint64_t t_ns = 0;
    INVARIANT(decoder);
    INVARIANT(cairn_event_decoder_times(decoder, input->at, input->left, until_ns, most, &passed, &t_ns, &all,
                                        NULL) == CAIRN_OK);
    while (expected < count && expected < most && events[expected].t_ns <= until_ns) {
        expected++;
    }
    INVARIANT(all == count && passed == expected && (passed == 0 || t_ns == events[passed - 1].t_ns));
    cairn_event_decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cairn_event events[CAPACITY];
    static struct cairn_cross_free frees[CAPACITY];
    struct input input = {.at = data, .left = size};
    const uint64_t first = input_number(&input, 3), before = input_number(&input, 3);
    size_t count = 0, prefix = 0;
    struct cairn_error error;
    if (cairn_events_decode(input.at, input.left, first, events, CAPACITY, &count, &error) == CAIRN_OK) {
        INVARIANT(count <= CAPACITY);
        check(events, count, first);
        check_times(&input, events, count, UINT64_MAX, count / 2);
        check_times(&input, events, count, count > 0 ? events[count / 3].t_ns : 0, SIZE_MAX);
        encode_again(events, count, first);
    }
    const size_t head = input.left < CAIRN_EVENTS_HEADER_MOST ? input.left : CAIRN_EVENTS_HEADER_MOST;
    if (cairn_events_cross_prefix(input.at, head, first, before, &prefix, &error) == CAIRN_OK &&
        prefix <= input.left) {
        size_t whole = 0;
        static struct cairn_cross_free of_whole[CAPACITY];
        const enum cairn_status part =
            cairn_events_decode_cross(input.at, prefix, first, before, frees, CAPACITY, &count, &error);
        if (part == CAIRN_OK && cairn_events_decode_cross(input.at, input.left, first, before, of_whole,
                                                          CAPACITY, &whole, &error) == CAIRN_OK) {
            INVARIANT(whole == count);
        }
    }
    return 0;
}
