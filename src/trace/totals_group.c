#include "trace/totals_group.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "trace/varint.h"

#define VERSION_EXACT   3 /* 1 and 2 are a chunk's own totals */
#define VERSION_SAMPLED 4
#define VERSION_MEMBER  5

#define NUMBERS         8u
#define EXACT_NUMBERS   6u /* the others are of sampled recordings */
#define LOW_BITS        8u
#define LOW_MASK        ((1u << LOW_BITS) - 1)

/* Columns of the blob: how many rows each chunk has, the rows' accounts, and of each number its low byte and the rest. Low bytes
 * are noise as often as not; apart from them the rest compresses well. */
enum {
    COLUMN_CHUNKS,
    COLUMN_ACCOUNTS,
    FIRST_NUMBER_COLUMN,
    COLUMNS_MOST = FIRST_NUMBER_COLUMN + 2 * NUMBERS
};

#define NONE         SIZE_MAX
#define PLACE(name_) offsetof(struct cairn_totals, name_)

/* Numbers in the order of the blob. Bytes are told as what they differ from their blocks' usual size. */
static const struct number {
    size_t offset;
    size_t blocks; /* offset of the number of blocks that these bytes are of; NONE: no bytes */
} numbers[NUMBERS] = {
    {PLACE(allocations), NONE},   {PLACE(allocated_bytes), PLACE(allocations)},
    {PLACE(live_blocks), NONE},   {PLACE(live_bytes), PLACE(live_blocks)},
    {PLACE(reallocs), NONE},      {PLACE(temporary), NONE},
    {PLACE(live_variance), NONE}, {PLACE(allocated_variance), NONE},
};

static int64_t *at_offset(struct cairn_totals *totals, size_t offset)
{
    return (int64_t *)(void *)((char *)totals + offset);
}

static uint64_t value_at(const struct cairn_totals *totals, size_t offset)
{
    return *(const uint64_t *)(const void *)((const char *)totals + offset);
}

static size_t row_count(const struct cairn_totals_group *group)
{
    return group->first[group->chunks];
}

bool cairn_totals_group_fits(const struct cairn_totals_group *group, size_t count)
{
    return group->chunks == 0 || (group->chunks < CAIRN_GROUP_CHUNKS && count <= CAIRN_GROUP_ROWS &&
                                  row_count(group) + count <= CAIRN_GROUP_ROWS);
}

bool cairn_totals_group_add(struct cairn_totals_group *group, const struct cairn_account_totals *rows,
                            size_t count)
{
    const size_t before = row_count(group), after = before + count;
    if (after > group->capacity || !group->rows) {
        const size_t larger = after > 2 * group->capacity ? after + 1 : 2 * group->capacity;
        struct cairn_account_totals *grown = realloc(group->rows, larger * sizeof(*grown));
        if (!grown) {
            return false;
        }
        group->rows = grown;
        group->capacity = larger;
    }
    if (count > 0) {
        memcpy(group->rows + before, rows, count * sizeof(*rows));
    }
    group->first[++group->chunks] = after;
    return true;
}

void cairn_totals_group_reset(struct cairn_totals_group *group)
{
    group->chunks = 0;
}

void cairn_totals_group_release(struct cairn_totals_group *group)
{
    free(group->rows);
    *group = (struct cairn_totals_group){.chunks = 0};
}

static enum cairn_status out_of_memory(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for the totals of the accounts");
}

static enum cairn_status damaged(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_FORMAT, "damaged totals: a group of chunks makes no sense");
}

/* --- What a block of each account usually takes: of those allocated in the group so far. Numbers wrap, divisors are never
 * 0: the writer and any reader of any bytes come to the same. --- */
struct usual {
    struct {
        uint64_t bytes, allocations;
    } * of; /* by account − 1; owned */
};

static bool usual_init(struct usual *usual, const struct cairn_totals_group *group)
{
    size_t most = 0;
    for (size_t i = 0; i < row_count(group); i++) {
        most = group->rows[i].account > most ? group->rows[i].account : most;
    }
    usual->of = calloc(most + 1, sizeof(*usual->of));
    return usual->of != NULL;
}

static uint64_t usual_size(const struct usual *usual, uint32_t account)
{
    return usual->of[account - 1].allocations
               ? usual->of[account - 1].bytes / usual->of[account - 1].allocations
               : 0;
}

static void usual_count(struct usual *usual, const struct cairn_account_totals *row)
{
    usual->of[row->account - 1].bytes += (uint64_t)row->totals.allocated_bytes;
    usual->of[row->account - 1].allocations += (uint64_t)row->totals.allocations;
}

/* --- Writing. --- */
static size_t numbers_of(const struct cairn_totals_group *group)
{
    for (size_t i = 0; i < row_count(group); i++) {
        if ((group->rows[i].totals.live_variance | group->rows[i].totals.allocated_variance) != 0) {
            return NUMBERS;
        }
    }
    return EXACT_NUMBERS;
}

/* One column as it grows. */
struct column_out {
    uint8_t *start, *at;
};

static bool in_order(const struct cairn_totals_group *group)
{
    for (size_t chunk = 0; chunk < group->chunks; chunk++) {
        uint32_t last = 0;
        for (size_t i = group->first[chunk]; i < group->first[chunk + 1]; i++) {
            if (group->rows[i].account <= last) {
                return false;
            }
            last = group->rows[i].account;
        }
    }
    return true;
}

static void write_accounts(const struct cairn_totals_group *group, struct column_out *columns)
{
    struct column_out *chunks = &columns[COLUMN_CHUNKS], *accounts = &columns[COLUMN_ACCOUNTS];
    for (size_t chunk = 0; chunk < group->chunks; chunk++) {
        uint32_t last = 0;
        chunks->at = cairn_varint_write(chunks->at, group->first[chunk + 1] - group->first[chunk]);
        for (size_t i = group->first[chunk]; i < group->first[chunk + 1]; i++) {
            accounts->at = cairn_varint_write(accounts->at, group->rows[i].account - last - 1);
            last = group->rows[i].account;
        }
    }
}

static void write_numbers(const struct cairn_totals_group *group, struct usual *usual, size_t count,
                          struct column_out *columns)
{
    for (size_t i = 0; i < row_count(group); i++) {
        const struct cairn_account_totals *row = &group->rows[i];
        const uint64_t size = usual_size(usual, row->account);
        for (size_t n = 0; n < count; n++) {
            struct column_out *low = &columns[FIRST_NUMBER_COLUMN + 2 * n], *rest = low + 1;
            const uint64_t expected =
                numbers[n].blocks == NONE ? 0 : size * value_at(&row->totals, numbers[n].blocks);
            const uint64_t coded =
                cairn_zigzag((int64_t)(value_at(&row->totals, numbers[n].offset) - expected));
            *low->at++ = (uint8_t)(coded & LOW_MASK);
            rest->at = cairn_varint_write(rest->at, coded >> LOW_BITS);
        }
        usual_count(usual, row);
    }
}

static bool compress(const struct column_out *column, int level, struct cairn_buffer *out)
{
    const size_t size = (size_t)(column->at - column->start), bound = ZSTD_compressBound(size);
    if (size == 0) {
        return true;
    }
    if (!cairn_buffer_reserve(out, bound)) {
        return false;
    }
    const size_t written = ZSTD_compress(out->data + out->length, bound, column->start, size, level);
    if (ZSTD_isError(written)) {
        return false;
    }
    out->length += written;
    out->data[out->length] = '\0';
    return true;
}

static enum cairn_status append_columns(const struct cairn_totals_group *group, size_t count, int level,
                                        const struct column_out *columns, struct cairn_buffer *blob,
                                        struct cairn_error *error)
{
    struct cairn_buffer head = CAIRN_BUFFER_INIT, body = CAIRN_BUFFER_INIT;
    bool good = true;
    cairn_buffer_byte(&head, count == NUMBERS ? VERSION_SAMPLED : VERSION_EXACT);
    cairn_varint_append(&head, group->chunks);
    cairn_varint_append(&head, row_count(group));
    for (size_t c = 0; good && c < FIRST_NUMBER_COLUMN + 2 * count; c++) {
        const size_t before = body.length;
        good = compress(&columns[c], level, &body);
        cairn_varint_append(&head, (uint64_t)(columns[c].at - columns[c].start));
        cairn_varint_append(&head, body.length - before);
    }
    good = good && !head.failed && cairn_buffer_reserve(blob, head.length + body.length);
    if (good) {
        cairn_buffer_append(blob, head.data, head.length);
        cairn_buffer_append(blob, cairn_buffer_cstr(&body), body.length);
    }
    cairn_buffer_release(&head);
    cairn_buffer_release(&body);
    return good ? CAIRN_OK : out_of_memory(error);
}

enum cairn_status cairn_totals_group_encode(const struct cairn_totals_group *group, int level,
                                            struct cairn_buffer *blob, struct cairn_error *error)
{
    if (!in_order(group)) {
        return cairn_fail(error, CAIRN_E_FORMAT, "totals cannot be stored: the accounts are not in order");
    }
    const size_t count = numbers_of(group), rows = row_count(group);
    const size_t column_bytes = rows * CAIRN_VARINT_MAX_BYTES + CAIRN_GROUP_CHUNKS * CAIRN_VARINT_MAX_BYTES;
    struct column_out columns[COLUMNS_MOST];
    struct usual usual = {.of = NULL};
    uint8_t *const memory = malloc(column_bytes * COLUMNS_MOST); /* pages never written cost nothing */
    enum cairn_status status = CAIRN_E_NOMEM;
    if (memory && usual_init(&usual, group)) {
        for (size_t c = 0; c < COLUMNS_MOST; c++) {
            columns[c] = (struct column_out){memory + c * column_bytes, memory + c * column_bytes};
        }
        write_accounts(group, columns);
        write_numbers(group, &usual, count, columns);
        status = append_columns(group, count, level, columns, blob, error);
    } else {
        status = out_of_memory(error);
    }
    free(usual.of);
    free(memory);
    return status;
}

void cairn_totals_member_encode(size_t at, struct cairn_buffer *blob)
{
    cairn_buffer_byte(blob, VERSION_MEMBER);
    cairn_varint_append(blob, at);
}

/* --- Reading. --- */
bool cairn_totals_is_group(const void *blob, size_t blob_size)
{
    const uint8_t version = blob_size > 0 ? *(const uint8_t *)blob : 0;
    return version == VERSION_EXACT || version == VERSION_SAMPLED;
}

bool cairn_totals_is_member(const void *blob, size_t blob_size, size_t *at)
{
    const uint8_t *bytes = blob;
    uint64_t value;
    if (blob_size == 0 || bytes[0] != VERSION_MEMBER) {
        return false;
    }
    struct cairn_varint_reader reader = {.at = bytes + 1, .end = bytes + blob_size};
    if (!cairn_varint_read(&reader, &value) || value == 0 || value >= CAIRN_GROUP_CHUNKS ||
        reader.at != reader.end) {
        return false;
    }
    *at = (size_t)value;
    return true;
}

struct header {
    uint64_t chunks, rows;
    size_t numbers;
    struct {
        uint64_t raw, stored;
    } columns[COLUMNS_MOST];
};

static size_t columns_of(const struct header *header)
{
    return FIRST_NUMBER_COLUMN + 2 * header->numbers;
}

/* Whether column `c` may have so many bytes: each of its numbers takes one at least. */
static bool is_possible(const struct header *header, size_t c, uint64_t raw)
{
    const bool low = c >= FIRST_NUMBER_COLUMN && (c - FIRST_NUMBER_COLUMN) % 2 == 0;
    const uint64_t values = c == COLUMN_CHUNKS ? header->chunks : header->rows;
    return raw >= values && raw <= values * (low ? 1 : CAIRN_VARINT_MAX_BYTES);
}

static bool read_header(struct cairn_varint_reader *reader, size_t accounts, struct header *header)
{
    uint64_t version, stored = 0;
    if (!cairn_varint_read(reader, &version) || version < VERSION_EXACT || version > VERSION_SAMPLED ||
        !cairn_varint_read(reader, &header->chunks) || header->chunks == 0 ||
        header->chunks > CAIRN_GROUP_CHUNKS || !cairn_varint_read(reader, &header->rows) ||
        header->rows > (header->chunks == 1 ? accounts : CAIRN_GROUP_ROWS)) {
        return false;
    }
    header->numbers = version == VERSION_SAMPLED ? NUMBERS : EXACT_NUMBERS;
    for (size_t c = 0; c < columns_of(header); c++) {
        if (!cairn_varint_read(reader, &header->columns[c].raw) ||
            !is_possible(header, c, header->columns[c].raw) ||
            !cairn_varint_read(reader, &header->columns[c].stored) ||
            header->columns[c].stored > (uint64_t)INT32_MAX) {
            return false;
        }
        stored += header->columns[c].stored;
    }
    return stored == (uint64_t)(reader->end - reader->at);
}

/* Every column's bytes, one behind the other in `memory`. */
static bool decompress(const struct header *header, const uint8_t *stored, uint8_t *memory,
                       struct cairn_varint_reader *columns)
{
    for (size_t c = 0; c < columns_of(header); c++) {
        const size_t raw = (size_t)header->columns[c].raw, size = (size_t)header->columns[c].stored;
        columns[c] = (struct cairn_varint_reader){.at = memory, .end = memory + raw};
        if (raw == 0 ? size != 0 : ZSTD_decompress(memory, raw, stored, size) != raw) {
            return false;
        }
        memory += raw;
        stored += size;
    }
    return true;
}

static bool read_accounts(struct cairn_varint_reader *columns, size_t accounts, const struct header *header,
                          struct cairn_totals_group *group)
{
    for (group->chunks = 0; group->chunks < header->chunks; group->chunks++) {
        uint64_t count, value, account = 0;
        const size_t first = row_count(group);
        if (!cairn_varint_read(&columns[COLUMN_CHUNKS], &count) || count > header->rows - first) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (!cairn_varint_read(&columns[COLUMN_ACCOUNTS], &value) || value >= accounts - account) {
                return false;
            }
            account += value + 1;
            group->rows[first + i] = (struct cairn_account_totals){.account = (uint32_t)account};
        }
        group->first[group->chunks + 1] = first + (size_t)count;
    }
    return row_count(group) == header->rows;
}

/* Most columns of rests hold small numbers only: a byte each. False when one of them takes more. */
static bool read_bytes(const uint8_t *low, const uint8_t *rest, size_t offset,
                       struct cairn_totals_group *group)
{
    const size_t count = row_count(group);
    unsigned all = 0;
    for (size_t i = 0; i < count; i++) {
        all |= rest[i];
        *at_offset(&group->rows[i].totals, offset) = cairn_unzigzag((uint64_t)rest[i] << LOW_BITS | low[i]);
    }
    return all < 0x80;
}

/* One number of every row as it is told, bytes by what they differ from what is usual. */
static bool read_number(const uint8_t *low, struct cairn_varint_reader *rest, size_t offset,
                        struct cairn_totals_group *group)
{
    const size_t count = row_count(group);
    if ((size_t)(rest->end - rest->at) == count) {
        return read_bytes(low, rest->at, offset, group);
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        if (!cairn_varint_read(rest, &value) || value > UINT64_MAX >> LOW_BITS) {
            return false;
        }
        *at_offset(&group->rows[i].totals, offset) = cairn_unzigzag(value << LOW_BITS | low[i]);
    }
    return rest->at == rest->end;
}

/* Makes bytes of what they differ. */
static void add_usual(struct usual *usual, struct cairn_totals_group *group)
{
    const size_t count = row_count(group);
    for (size_t i = 0; i < count; i++) {
        struct cairn_account_totals *row = &group->rows[i];
        const uint64_t size = usual_size(usual, row->account);
        for (size_t n = 0; n < NUMBERS; n++) {
            if (numbers[n].blocks != NONE) {
                int64_t *bytes = at_offset(&row->totals, numbers[n].offset);
                *bytes = (int64_t)((uint64_t)*bytes + size * value_at(&row->totals, numbers[n].blocks));
            }
        }
        usual_count(usual, row);
    }
}

static bool read_numbers(struct cairn_varint_reader *columns, const struct header *header,
                         struct cairn_totals_group *group)
{
    for (size_t n = 0; n < header->numbers; n++) {
        struct cairn_varint_reader *low = &columns[FIRST_NUMBER_COLUMN + 2 * n];
        if (!read_number(low->at, low + 1, numbers[n].offset, group)) {
            return false;
        }
    }
    return columns[COLUMN_CHUNKS].at == columns[COLUMN_CHUNKS].end &&
           columns[COLUMN_ACCOUNTS].at == columns[COLUMN_ACCOUNTS].end;
}

static enum cairn_status decode(const uint8_t *stored, const struct header *header, size_t accounts,
                                uint8_t *memory, struct cairn_totals_group *group, struct cairn_error *error)
{
    struct cairn_varint_reader columns[COLUMNS_MOST];
    struct usual usual;
    if (!decompress(header, stored, memory, columns)) {
        return cairn_fail(error, CAIRN_E_FORMAT, "damaged totals: they do not decompress");
    }
    if (!read_accounts(columns, accounts, header, group) || !read_numbers(columns, header, group)) {
        return damaged(error);
    }
    if (!usual_init(&usual, group)) {
        return out_of_memory(error);
    }
    add_usual(&usual, group);
    free(usual.of);
    return CAIRN_OK;
}

enum cairn_status cairn_totals_group_decode(const void *blob, size_t blob_size, size_t accounts,
                                            struct cairn_totals_group *group, struct cairn_error *error)
{
    struct cairn_varint_reader reader = {.at = blob, .end = (const uint8_t *)blob + blob_size};
    struct header header;
    if (blob_size == 0 || !read_header(&reader, accounts, &header)) {
        return damaged(error);
    }
    size_t raw = 1;
    for (size_t c = 0; c < columns_of(&header); c++) {
        raw += (size_t)header.columns[c].raw;
    }
    struct cairn_totals_group made = {.capacity = (size_t)header.rows + 1};
    uint8_t *const memory = malloc(raw);
    made.rows = malloc(made.capacity * sizeof(*made.rows));
    const enum cairn_status status = memory && made.rows
                                         ? decode(reader.at, &header, accounts, memory, &made, error)
                                         : out_of_memory(error);
    free(memory);
    if (status != CAIRN_OK) {
        cairn_totals_group_release(&made);
        return status;
    }
    *group = made;
    return CAIRN_OK;
}
