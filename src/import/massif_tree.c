#include "import/massif_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "import/format.h"

#define MOST_DEPTH    1024u /* massif's --depth goes to 200 */
#define MOST_CHILDREN 1000000u

#define CHECK_NODES   1024u /* between two looks at memory */
/* With its cells of the table and of a change. */
#define ACCOUNT_BYTES (sizeof(struct cairn_massif_account) + 96u)

/* A node whose children are still to come. */
struct node {
    uint32_t frame;
    uint64_t bytes, children, children_bytes;
};

struct reading {
    struct cairn_lines *lines;
    struct cairn_intake *intake;
    struct cairn_massif_sums *sums;
    struct cairn_error *error;
    struct node path[MOST_DEPTH]; /* the root first, then innermost frames outwards */
    size_t depth;
};

void cairn_massif_sums_release(struct cairn_massif_sums *sums)
{
    cairn_table_release(&sums->table);
    free(sums->accounts);
}

void cairn_massif_sums_next(struct cairn_massif_sums *sums)
{
    for (size_t i = 0; i < sums->account_count; i++) {
        sums->accounts[i].before = sums->accounts[i].now;
        sums->accounts[i].now = 0;
    }
}

bool cairn_massif_number(char *text, char **end, uint64_t most, uint64_t *number)
{
    uint64_t value = 0;
    char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > most / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *end = at;
    *number = value;
    return at != text && value <= most;
}

static enum cairn_status no_memory(const struct reading *in)
{
    return cairn_fail(in->error, CAIRN_E_NOMEM, "%s: out of memory", in->intake->from);
}

static enum cairn_status damaged(const struct reading *in, const char *why)
{
    return cairn_lines_damaged(in->lines, in->error, "%s", why);
}

static enum cairn_status add(const struct reading *in, uint32_t stack, uint64_t bytes)
{
    struct cairn_massif_sums *sums = in->sums;
    if (!cairn_table_reserve(&sums->table)) {
        return no_memory(in);
    }
    const uint64_t hash = cairn_table_hash(stack, 0);
    size_t cell;
    uint32_t number = cairn_table_first(&sums->table, hash, &cell);
    while (number != 0 && sums->accounts[number - 1].stack != stack) {
        number = cairn_table_next(&sums->table, hash, &cell);
    }
    if (number == 0) {
        struct cairn_massif_account *accounts =
            cairn_grown(sums->accounts, &sums->account_capacity, sums->account_count, sizeof *accounts);
        if (accounts == NULL) {
            return no_memory(in);
        }
        sums->accounts = accounts;
        accounts[sums->account_count++] = (struct cairn_massif_account){.stack = stack};
        number = (uint32_t)sums->account_count;
        cairn_table_add(&sums->table, hash, cell, number);
    }
    sums->accounts[number - 1].now += (int64_t)bytes;
    return CAIRN_OK;
}

/* --- Labels --- */

/* "in 3 places, all below massif's threshold (1.00%)" */
static bool is_rest(const char *label)
{
    return strncmp(label, "in ", 3) == 0 && strstr(label, "below massif's threshold") != NULL;
}

/* Splits "FUNCTION (FILE:LINE)" or "FUNCTION (in MODULE)" in place. */
static void split(char *label, struct cairn_code_place *place)
{
    const size_t length = strlen(label);
    char *open = NULL;
    if (length > 0 && label[length - 1] == ')') {
        for (char *at = strstr(label, " ("); at != NULL; at = strstr(at + 1, " (")) {
            open = at;
        }
    }
    if (open != NULL) {
        char *inside = open + 2, *colon = strrchr(inside, ':'), *end;
        uint64_t line;
        label[length - 1] = '\0';
        if (strncmp(inside, "in ", 3) == 0) {
            *open = '\0';
            place->module = inside + 3;
        } else if (colon != NULL && cairn_massif_number(colon + 1, &end, INT32_MAX, &line) && *end == '\0') {
            *open = *colon = '\0';
            place->file = inside;
            place->line = line > 0 ? (int64_t)line : CAIRN_UNKNOWN;
        } else {
            label[length - 1] = ')'; /* parameters, and no place behind them */
        }
    }
    place->function = strcmp(label, "???") == 0 ? NULL : label;
}

/* The frame of a node below the root; NULL texts where nothing is known of it. */
static enum cairn_status find_frame(const struct reading *in, char *label, uint32_t *frame)
{
    struct cairn_code_place place = {.line = CAIRN_UNKNOWN};
    if (is_rest(label)) {
        if (in->depth > 1) {
            place.kind = CAIRN_FRAME_TRUNCATED; /* callers that are not told */
        } else {
            place.function = "[below massif's threshold]";
        }
    } else {
        char *colon = strncmp(label, "0x", 2) == 0 ? strchr(label, ':') : NULL;
        if (colon == NULL || colon[1] != ' ' ||
            strspn(label + 2, "0123456789ABCDEFabcdef") != (size_t)(colon - label - 2)) {
            return damaged(in, "a place in a tree should begin with its address");
        }
        split(colon + 2, &place);
    }
    *frame = cairn_code_frame(in->intake->code, &place);
    return *frame != 0 ? CAIRN_OK : no_memory(in);
}

/* --- Nodes --- */

/* Bytes of the innermost node that none of its children has go to the stack of the whole path. */
static enum cairn_status close_node(struct reading *in)
{
    const struct node *node = &in->path[in->depth - 1];
    const uint64_t own = node->bytes - node->children_bytes;
    uint32_t stack = 0;
    for (size_t i = in->depth; own > 0 && i-- > 1;) {
        stack = cairn_code_stack(in->intake->code, stack, in->path[i].frame);
        if (stack == 0) {
            return no_memory(in);
        }
    }
    in->depth--;
    return own > 0 ? add(in, stack, own) : CAIRN_OK;
}

/* A line of the tree, as the next child of the node that is open. */
static enum cairn_status on_node(struct reading *in, char *line, uint64_t heap)
{
    struct node node = {.frame = 0};
    char *at = line + in->depth;
    if (strspn(line, " ") != in->depth || *at != 'n' ||
        !cairn_massif_number(at + 1, &at, MOST_CHILDREN, &node.children) || strncmp(at, ": ", 2) != 0 ||
        !cairn_massif_number(at + 2, &at, CAIRN_IMPORT_MOST_BLOCK_BYTES, &node.bytes) || *at != ' ') {
        return damaged(in, "it should be a node of a tree, at its depth");
    }
    if (in->depth == MOST_DEPTH) {
        return damaged(in, "a tree is more than 1,024 deep");
    }
    if (in->depth == 0 && node.bytes > heap) {
        return damaged(in, "a tree holds more than its snapshot");
    }
    if (in->depth > 0) {
        struct node *parent = &in->path[in->depth - 1];
        if (node.bytes > parent->bytes - parent->children_bytes) {
            return damaged(in, "a node's children hold more than it does");
        }
        parent->children--;
        parent->children_bytes += node.bytes;
        const enum cairn_status status = find_frame(in, at + 1, &node.frame);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    in->path[in->depth++] = node;
    return CAIRN_OK;
}

static enum cairn_status read_tree(struct reading *in, uint64_t heap)
{
    for (size_t nodes = 1; nodes == 1 || in->depth > 0; nodes++) {
        char *line;
        size_t length;
        enum cairn_status status = cairn_lines_next(in->lines, &line, &length, in->error);
        if (status == CAIRN_OK && (line == NULL || memchr(line, '\0', length) != NULL)) {
            return damaged(in, "the file ends within a tree");
        }
        if (status == CAIRN_OK) {
            status = on_node(in, line, heap);
        }
        while (status == CAIRN_OK && in->depth > 0 && in->path[in->depth - 1].children == 0) {
            status = close_node(in);
        }
        if (status == CAIRN_OK && nodes % CHECK_NODES == 0) {
            status = cairn_import_check(
                in->lines, in->intake, in->sums->account_capacity * ACCOUNT_BYTES, in->sums->account_count,
                "run massif with a larger --threshold or a smaller --depth", in->error);
        }
        if (status != CAIRN_OK) {
            return status;
        }
    }
    return CAIRN_OK;
}

enum cairn_status cairn_massif_tree(struct cairn_lines *lines, struct cairn_intake *intake,
                                    struct cairn_massif_sums *sums, uint64_t heap, bool detailed,
                                    struct cairn_error *error)
{
    struct reading in = {.lines = lines, .intake = intake, .sums = sums, .error = error};
    uint64_t told = 0;
    const enum cairn_status status = detailed ? read_tree(&in, heap) : CAIRN_OK;
    if (status == CAIRN_OK && detailed) {
        told = in.path[0].bytes;
    }
    return status == CAIRN_OK && heap > told ? add(&in, 0, heap - told) : status;
}
