#include "collector/native_containers.h"

#include <stdlib.h>
#include <string.h>

#include "collector/table.h"

#define WORD             8u
#define HEADS_MAX        ((size_t)1 << 18)
#define SMALL_STRING     15u /* shorter texts lie in the string itself */
#define DEQUE_ITEM_BYTES 512u
#define LOAD_MOST        0x43000000u /* 128.0 as a float: no sane load factor is above */

/* Words of a head, from the one that was noticed on. */
enum { VECTOR_WORDS = 3, STRING_WORDS = 3, LIST_WORDS = 3, TREE_WORDS = 4, HASH_WORDS = 5, DEQUE_WORDS = 10 };

bool cairn_native_containers_init(struct cairn_native_containers *containers,
                                  const struct cairn_native_blocks *blocks)
{
    containers->blocks = blocks;
    containers->parts = calloc(blocks->count + 1, sizeof *containers->parts);
    return containers->parts != NULL;
}

void cairn_native_containers_release(struct cairn_native_containers *containers)
{
    free(containers->parts);
    free(containers->heads);
}

/* --- While memory is gone through --- */

static uint64_t word_of(const uint8_t *words, size_t index)
{
    uint64_t word;
    memcpy(&word, words + index * WORD, WORD);
    return word;
}

/* The block that begins at `address`, or CAIRN_NO_BLOCK. */
static uint32_t block_at(const struct cairn_native_containers *containers, uint64_t address)
{
    const uint32_t found = address % WORD == 0 && address
                               ? cairn_native_blocks_find(containers->blocks, address)
                               : CAIRN_NO_BLOCK;
    return found != CAIRN_NO_BLOCK && containers->blocks->blocks[found].start == address ? found
                                                                                         : CAIRN_NO_BLOCK;
}

static void remember(struct cairn_native_containers *containers, const struct cairn_container_head *head)
{
    struct cairn_container_head *grown = containers->head_count < HEADS_MAX
                                             ? cairn_grown(containers->heads, &containers->head_capacity,
                                                           containers->head_count, sizeof *grown)
                                             : NULL;
    if (grown) {
        containers->heads = grown;
        grown[containers->head_count++] = *head;
    }
}

/* { begin, end, end of storage }, { text, length, capacity }: the block is of just that size. */
static bool notice_storage(struct cairn_native_containers *containers, uint32_t target, const uint8_t *words)
{
    const struct cairn_native_block *block = &containers->blocks->blocks[target];
    const uint64_t second = word_of(words, 1), third = word_of(words, 2);
    if (block->start <= second && second <= third && third == block->start + block->size) {
        containers->parts[target] = CAIRN_PART_VECTOR_ITEMS;
        return true;
    }
    if (third > SMALL_STRING && block->size == third + 1 && second <= third) {
        containers->parts[target] = CAIRN_PART_STRING_TEXT;
        return true;
    }
    return false;
}

/* { next, previous, count } */
static void notice_list(struct cairn_native_containers *containers, struct cairn_container_head *head,
                        const uint8_t *words)
{
    head->count = word_of(words, 2);
    if (head->count - 1 < containers->blocks->count &&
        block_at(containers, word_of(words, 1)) != CAIRN_NO_BLOCK) {
        const uint32_t around = cairn_native_blocks_find(containers->blocks, head->address);
        head->part = CAIRN_PART_LIST_NODE;
        head->starts_block =
            around != CAIRN_NO_BLOCK && containers->blocks->blocks[around].start == head->address;
        remember(containers, head);
    }
}

/* { root, leftmost, rightmost, count }, a word behind the header's beginning, to which the root's parent leads. */
static void notice_tree(struct cairn_native_containers *containers, struct cairn_container_head *head,
                        const uint8_t *words)
{
    head->count = word_of(words, 3);
    if (head->count - 1 < containers->blocks->count &&
        block_at(containers, word_of(words, 1)) != CAIRN_NO_BLOCK &&
        block_at(containers, word_of(words, 2)) != CAIRN_NO_BLOCK) {
        head->part = CAIRN_PART_TREE_NODE;
        remember(containers, head);
    }
}

/* { buckets, how many, first node, count, load factor } */
static bool notice_hash(struct cairn_native_containers *containers, struct cairn_container_head *head,
                        uint32_t target, const uint8_t *words)
{
    const uint64_t buckets = word_of(words, 1);
    const uint32_t load = (uint32_t)word_of(words, 4);
    head->first = word_of(words, 2);
    head->count = word_of(words, 3);
    if (containers->blocks->blocks[target].size != buckets * WORD || buckets < 2 || load == 0 ||
        load > LOAD_MOST || head->count > containers->blocks->count) {
        return false;
    }
    if (head->count > 0 && block_at(containers, head->first) == CAIRN_NO_BLOCK) {
        return false;
    }
    containers->parts[target] = CAIRN_PART_HASH_BUCKETS;
    head->part = CAIRN_PART_HASH_NODE;
    remember(containers, head);
    return true;
}

/* { map, its size, begin { at, first, last, node }, end { … } }: what lies between the two nodes of the map are the items. */
static void notice_deque(struct cairn_native_containers *containers, struct cairn_container_head *head,
                         uint32_t target, const uint8_t *words)
{
    const struct cairn_native_block *map = &containers->blocks->blocks[target];
    const uint64_t first_node = word_of(words, 5), last_node = word_of(words, 9);
    if (map->size != word_of(words, 1) * WORD || first_node < map->start || last_node < first_node ||
        last_node >= map->start + map->size || first_node % WORD || last_node % WORD ||
        block_at(containers, word_of(words, 3)) == CAIRN_NO_BLOCK) {
        return;
    }
    containers->parts[target] = CAIRN_PART_DEQUE_MAP;
    head->first = first_node;
    head->count = (last_node - first_node) / WORD + 1;
    head->part = CAIRN_PART_DEQUE_ITEMS;
    remember(containers, head);
}

void cairn_native_containers_notice(struct cairn_native_containers *containers, uint64_t address,
                                    uint32_t target, const uint8_t *words, size_t count)
{
    struct cairn_container_head head = {.address = address, .first = word_of(words, 0)};
    if (containers->parts[target] != CAIRN_PART_NONE || count < VECTOR_WORDS ||
        notice_storage(containers, target, words)) {
        return;
    }
    if (count >= HASH_WORDS && notice_hash(containers, &head, target, words)) {
        return;
    }
    if (count >= DEQUE_WORDS) {
        notice_deque(containers, &head, target, words);
    }
    if (containers->parts[target] == CAIRN_PART_NONE) {
        head.first = word_of(words, 0);
        notice_list(containers, &head, words);
    }
    if (count >= TREE_WORDS && containers->parts[target] == CAIRN_PART_NONE) {
        head.starts_block = false;
        notice_tree(containers, &head, words);
    }
}

/* --- When all was seen --- */

struct following {
    struct cairn_native_containers *containers;
    struct cairn_image_memory *memory;
    unsigned looks_like; /* what its nodes may have been taken for */
    uint32_t *nodes;     /* of the container that is being followed */
    size_t node_capacity;
    uint64_t steps; /* that may still be made: wrong heads shall cost no more than a look at every block */
};

/* The node's place among those of this container; false where it is no block, or one of another container. */
static bool take_node(struct following *following, uint64_t address, uint64_t place)
{
    const uint32_t block = block_at(following->containers, address);
    const unsigned part = block == CAIRN_NO_BLOCK ? CAIRN_PART_COUNT : following->containers->parts[block];
    if (part != CAIRN_PART_NONE && part != following->looks_like) {
        return false;
    }
    if (following->steps == 0) {
        return false;
    }
    following->steps--;
    uint32_t *grown = cairn_grown(following->nodes, &following->node_capacity, (size_t)place, sizeof *grown);
    if (!grown) {
        return false;
    }
    following->nodes = grown;
    grown[place] = block;
    return true;
}

static bool follow_list(struct following *following, const struct cairn_container_head *head)
{
    uint64_t at = head->first, before = head->address;
    for (uint64_t i = 0; i < head->count; i++) {
        if (!take_node(following, at, i) || cairn_image_memory_word(following->memory, at + WORD) != before) {
            return false;
        }
        before = at;
        at = cairn_image_memory_word(following->memory, at);
    }
    return at == head->address;
}

static bool follow_hash(struct following *following, const struct cairn_container_head *head)
{
    uint64_t at = head->first;
    for (uint64_t i = 0; i < head->count; i++) {
        if (!take_node(following, at, i)) {
            return false;
        }
        at = cairn_image_memory_word(following->memory, at);
    }
    return at == 0;
}

/* Down and up again by the parents alone: each node is { colour, parent, left, right }. */
static bool follow_tree(struct following *following, const struct cairn_container_head *head)
{
    struct cairn_image_memory *memory = following->memory;
    const uint64_t header = head->address - WORD;
    uint64_t taken = 0, at = head->first, from = header;
    bool down = true;
    while (at != header) {
        const uint64_t parent = cairn_image_memory_word(memory, at + WORD);
        const uint64_t left = cairn_image_memory_word(memory, at + 2ull * WORD);
        const uint64_t right = cairn_image_memory_word(memory, at + 3ull * WORD);
        if (down && (taken == head->count || parent != from || !take_node(following, at, taken++))) {
            return false;
        }
        uint64_t next = parent;
        if (down && left) {
            next = left;
        } else if ((down || from == left) && right) {
            next = right;
        }
        down = next != parent;
        from = at;
        at = next;
    }
    return taken == head->count;
}

static bool follow_deque(struct following *following, const struct cairn_container_head *head)
{
    for (uint64_t i = 0; i < head->count; i++) {
        if (!take_node(following, cairn_image_memory_word(following->memory, head->first + i * WORD), i)) {
            return false;
        }
    }
    return true;
}

static void follow(struct following *following, const struct cairn_container_head *head)
{
    /* The items of a deque that was not taken from in front have { at, first, last } in its head. */
    following->looks_like = head->part == CAIRN_PART_DEQUE_ITEMS ? CAIRN_PART_VECTOR_ITEMS : CAIRN_PART_NONE;
    const bool whole = head->part == CAIRN_PART_LIST_NODE   ? follow_list(following, head)
                       : head->part == CAIRN_PART_HASH_NODE ? follow_hash(following, head)
                       : head->part == CAIRN_PART_TREE_NODE ? follow_tree(following, head)
                                                            : follow_deque(following, head);
    for (uint64_t i = 0; whole && i < head->count; i++) {
        following->containers->parts[following->nodes[i]] = (uint8_t)head->part;
    }
}

void cairn_native_containers_follow(struct cairn_native_containers *containers,
                                    struct cairn_image_memory *memory)
{
    struct following following = {
        .containers = containers, .memory = memory, .steps = containers->blocks->count * 4ull};
    for (int starts_block = 0; starts_block < 2; starts_block++) {
        for (size_t i = 0; i < containers->head_count; i++) {
            if (containers->heads[i].starts_block == (starts_block != 0)) {
                follow(&following, &containers->heads[i]);
            }
        }
    }
    free(following.nodes);
}

const char *cairn_container_part_name(enum cairn_container_part part)
{
    static const char *const names[CAIRN_PART_COUNT] = {
        [CAIRN_PART_VECTOR_ITEMS] = "std::vector items",
        [CAIRN_PART_STRING_TEXT] = "std::string text",
        [CAIRN_PART_TREE_NODE] = "std::map/set node",
        [CAIRN_PART_LIST_NODE] = "std::list node",
        [CAIRN_PART_HASH_BUCKETS] = "std::unordered buckets",
        [CAIRN_PART_HASH_NODE] = "std::unordered node",
        [CAIRN_PART_DEQUE_MAP] = "std::deque map",
        [CAIRN_PART_DEQUE_ITEMS] = "std::deque items",
    };
    return part < CAIRN_PART_COUNT ? names[part] : NULL;
}
