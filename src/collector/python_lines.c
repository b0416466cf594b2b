#include "collector/python_lines.h"

#include <stdbool.h>

#include "wire/python.h"

/* Pairs (bytes of code, signed lines): a pair's line is that of the code behind its bytes. */
static int64_t line_by_lnotab(int64_t line, const uint8_t *table, size_t size, uint64_t offset)
{
    uint64_t address = 0;
    for (size_t i = 0; i + 1 < size; i += 2) {
        address += table[i];
        if (address > offset) {
            break;
        }
        line += (int8_t)table[i + 1];
    }
    return line;
}

#define NO_LINE_310 (-128)

/* Pairs (bytes of code, signed lines): a pair's line is that of its own bytes. */
static int64_t line_by_ranges(int64_t line, const uint8_t *table, size_t size, uint64_t offset)
{
    uint64_t end = 0;
    for (size_t i = 0; i + 1 < size; i += 2) {
        const int delta = (int8_t)table[i + 1];
        end += table[i];
        if (delta != NO_LINE_310) {
            line += delta;
        }
        if (offset < end) {
            return delta == NO_LINE_310 ? 0 : line;
        }
    }
    return 0;
}

#define ENTRY_START     0x80u
#define CODE_ONE_LINE_0 10u /* 10, 11, 12: 0, 1, 2 lines further */
#define CODE_NO_COLUMNS 13u
#define CODE_LONG       14u
#define CODE_NONE       15u
#define CODE_UNIT_BYTES 2u

struct table_reader {
    const uint8_t *table;
    size_t size, at;
};

/* Six bits a byte, least significant first; bit 6 says that more follow. 0 when the table ends. */
static uint32_t read_varint(struct table_reader *reader)
{
    uint32_t value = 0;
    for (unsigned shift = 0; reader->at < reader->size && shift < 32; shift += 6) {
        const uint8_t byte = reader->table[reader->at++];
        value |= (uint32_t)(byte & 63) << shift;
        if (!(byte & 64)) {
            break;
        }
    }
    return value;
}

static int64_t read_signed(struct table_reader *reader)
{
    const uint32_t value = read_varint(reader);
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Reads one entry; *line moves on. `has_line` is false for code without a line. Returns the entry's bytes of code, 0 at
 * the end of the table. */
static uint64_t read_entry(struct table_reader *reader, int64_t *line, bool *has_line)
{
    if (reader->at >= reader->size) {
        return 0;
    }
    const uint8_t first = reader->table[reader->at++];
    const unsigned code = first >> 3 & 15;
    *has_line = code != CODE_NONE;
    if (code == CODE_LONG || code == CODE_NO_COLUMNS) {
        *line += read_signed(reader);
    } else if (code >= CODE_ONE_LINE_0 && code < CODE_NO_COLUMNS) {
        *line += code - CODE_ONE_LINE_0;
    }
    /* Columns and end lines: everything up to the byte that starts the next entry. */
    while (reader->at < reader->size && !(reader->table[reader->at] & ENTRY_START)) {
        reader->at++;
    }
    return ((first & 7u) + 1) * CODE_UNIT_BYTES;
}

static int64_t line_by_entries(int64_t line, const uint8_t *table, size_t size, uint64_t offset)
{
    struct table_reader reader = {.table = table, .size = size};
    uint64_t end = 0, length;
    bool has_line = false;
    while ((length = read_entry(&reader, &line, &has_line)) > 0) {
        end += length;
        if (offset < end) {
            return has_line ? line : 0;
        }
    }
    return 0;
}

int64_t cairn_python_line(unsigned minor, int64_t first_line, const uint8_t *table, size_t table_size,
                          uint32_t offset)
{
    if (offset == CAIRN_PYTHON_NOT_BEGUN) {
        return first_line;
    }
    const int64_t line = minor <= 9    ? line_by_lnotab(first_line, table, table_size, offset)
                         : minor == 10 ? line_by_ranges(first_line, table, table_size, offset)
                                       : line_by_entries(first_line, table, table_size, offset);
    return line > 0 ? line : 0;
}
