/* Which compile unit holds an address. Of compressed debug information only what leads to that unit is unpacked, and the unit. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbol_file.h"
#include "collector/table.h"

#define WIDE_LENGTH     0xfffffff0u /* such a unit's numbers are of eight bytes */
#define TABLE_BYTES     4096u       /* of a unit's abbreviations, as a rule; if not, again so many */
#define INFO_HEAD_BYTES 12u         /* of a unit's header, what is read of it here */

static int compare_ranges(const void *left, const void *right)
{
    const struct cairn_unit_range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low;
}

static bool push_range(struct cairn_unit_ranges *ranges, uint64_t low, uint64_t high, Dwarf_Off unit)
{
    struct cairn_unit_range *grown =
        cairn_grown(ranges->list, &ranges->capacity, ranges->count, sizeof *grown);
    if (grown) {
        ranges->list = grown;
        grown[ranges->count++] = (struct cairn_unit_range){.low = low, .high = high, .unit = unit};
    }
    return grown != NULL;
}

static void sort_ranges(struct cairn_unit_ranges *ranges)
{
    if (ranges->count > 1) {
        qsort(ranges->list, ranges->count, sizeof *ranges->list, compare_ranges);
    }
}

static const struct cairn_unit_range *find_range(const struct cairn_unit_ranges *ranges, uint64_t address)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ranges->list[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && address < ranges->list[low - 1].high ? &ranges->list[low - 1] : NULL;
}

/* --- All units --- */

/* Clang leaves .debug_aranges out: ask every unit for its ranges, once. */
static void ask_units(struct cairn_symbol_file *file)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    file->asked.loaded = true;
    while (dwarf_get_units(file->dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        Dwarf_Addr base, low, high;
        ptrdiff_t at = 0;
        while ((at = dwarf_ranges(&die, at, &base, &low, &high)) > 0) {
            if (low < high && !push_range(&file->asked, low, high, dwarf_dieoffset(&die))) {
                return;
            }
        }
    }
    sort_ranges(&file->asked);
}

static bool find_in_all(struct cairn_symbol_file *file, uint64_t address, Dwarf_Die *unit)
{
    if (dwarf_addrdie(file->dwarf, address, unit)) {
        return true;
    }
    if (!file->asked.loaded) {
        ask_units(file);
    }
    const struct cairn_unit_range *range = find_range(&file->asked, address);
    return range && dwarf_offdie(file->dwarf, range->unit, unit) != NULL;
}

/* --- One unit of an image that is not whole --- */

static uint32_t read_four(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t read_eight(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* One unit's table: its length, version 2, where the unit is, sizes of addresses (8) and of segments (none); then pairs of an
 * address and a length at multiples of sixteen bytes, up to one of zeros. */
static bool read_told(struct cairn_unit_ranges *ranges, const uint8_t *table, size_t bytes)
{
    if (bytes < 16 || table[4] != 2 || table[5] != 0 || table[10] != 8 || table[11] != 0) {
        return false;
    }
    for (size_t at = 16; bytes - at >= 16; at += 16) {
        const uint64_t low = read_eight(table + at), length = read_eight(table + at + 8);
        if (low == 0 && length == 0) {
            break;
        }
        if (length != 0 && !push_range(ranges, low, low + length, read_four(table + 6))) {
            return false;
        }
    }
    return true;
}

/* Of anything unusual nothing is taken. */
static void load_told(struct cairn_symbol_file *file)
{
    const uint8_t *table = file->image.aranges;
    size_t left = file->image.aranges_bytes;
    file->told.loaded = true;
    while (left >= 4) {
        const uint32_t length = read_four(table);
        if (length >= WIDE_LENGTH || length > left - 4 || !read_told(&file->told, table, length + 4)) {
            file->told.count = 0;
            return;
        }
        table += length + 4;
        left -= length + 4;
    }
    sort_ranges(&file->told);
}

/* What begins at `offset` of a section with its own length. */
static bool reach_with_length(struct cairn_symbol_image *image, enum cairn_symbol_section section,
                              size_t offset)
{
    if (offset >= image->long_ones[section].size_bytes ||
        !cairn_symbol_image_reach(image, section, offset + 4)) {
        return false;
    }
    const uint32_t length = read_four(image->long_ones[section].bytes + offset);
    return length < WIDE_LENGTH && cairn_symbol_image_reach(image, section, offset + 4 + length);
}

/* A part of a section, read byte by byte. */
struct reading {
    const uint8_t *at, *end;
    bool cut; /* it ended too early */
};

static uint64_t read_number(struct reading *reading)
{
    uint64_t number = 0;
    for (unsigned shift = 0; reading->at < reading->end; shift += 7) {
        const uint8_t byte = *reading->at++;
        number |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (!(byte & 0x80)) {
            return number;
        }
    }
    reading->cut = true;
    return 0;
}

/* Whether an attribute of that form may refer to another unit. */
static bool leads_out(uint64_t form)
{
    switch (form) {
    case DW_FORM_ref_addr:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup4:
    case DW_FORM_ref_sup8:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_indirect: /* may be any of them */
        return true;
    default:
        return false;
    }
}

/* Whether all attributes of a unit's entries, by its table of abbreviations, stay inside the unit; false, too, where the table is cut. */
static bool stays_inside(struct reading *table)
{
    while (read_number(table) != 0) {
        uint64_t name, form;
        (void)read_number(table); /* the tag */
        (void)read_number(table); /* whether it has children: a byte, 0 or 1 */
        do {
            name = read_number(table);
            form = read_number(table);
            if (form == DW_FORM_implicit_const) {
                (void)read_number(table);
            }
            if (leads_out(form)) {
                return false;
            }
        } while (name != 0 || form != 0);
    }
    return !table->cut;
}

/* Unpacks the unit's table of abbreviations, whose end only shows when it is read. */
static bool reach_abbreviations(struct cairn_symbol_image *image, size_t offset)
{
    const struct cairn_symbol_long_one *section = &image->long_ones[CAIRN_SYMBOL_ABBREVIATIONS];
    struct reading table = {.cut = true};
    for (size_t bytes = TABLE_BYTES; table.cut && offset < section->size_bytes; bytes += TABLE_BYTES) {
        const size_t left = section->size_bytes - offset;
        if (!cairn_symbol_image_reach(image, CAIRN_SYMBOL_ABBREVIATIONS,
                                      offset + (bytes < left ? bytes : left))) {
            return false;
        }
        table = (struct reading){.at = section->bytes + offset, .end = section->bytes + section->there_bytes};
        if (stays_inside(&table)) {
            return true;
        }
        if (bytes >= left) {
            break;
        }
    }
    return false;
}

/* The unit whose header is there, with its table. Its version says where in the header that is named. */
static bool reach_unit(struct cairn_symbol_image *image, size_t header)
{
    if (!reach_with_length(image, CAIRN_SYMBOL_INFO, header) ||
        !cairn_symbol_image_reach(image, CAIRN_SYMBOL_INFO, header + INFO_HEAD_BYTES)) {
        return false;
    }
    const uint8_t *bytes = image->long_ones[CAIRN_SYMBOL_INFO].bytes + header;
    return reach_abbreviations(image, read_four(bytes + (bytes[4] >= 5 ? 8 : 6)));
}

static bool reach_lines(struct cairn_symbol_file *file, Dwarf_Die *unit)
{
    Dwarf_Attribute value;
    Dwarf_Word offset;
    return dwarf_formudata(dwarf_attr(unit, DW_AT_stmt_list, &value), &offset) != 0 ||
           reach_with_length(&file->image, CAIRN_SYMBOL_LINE, offset);
}

/* Only of a unit that refers to no other one. */
static bool find_alone(struct cairn_symbol_file *file, uint64_t address, Dwarf_Die *unit)
{
    if (!file->told.loaded) {
        load_told(file);
    }
    const struct cairn_unit_range *range = find_range(&file->told, address);
    Dwarf_Off next;
    size_t header_bytes;
    return range && reach_unit(&file->image, range->unit) &&
           dwarf_next_unit(file->dwarf, range->unit, &next, &header_bytes, NULL, NULL, NULL, NULL, NULL,
                           NULL) == 0 &&
           dwarf_offdie(file->dwarf, range->unit + header_bytes, unit) && reach_lines(file, unit);
}

bool cairn_symbol_unit_at(struct cairn_symbol_file *file, uint64_t address, Dwarf_Die *unit)
{
    if (!cairn_symbol_image_is_whole(&file->image) && find_alone(file, address, unit)) {
        return true;
    }
    return cairn_symbol_image_reach_all(&file->image) && find_in_all(file, address, unit);
}

void cairn_symbol_units_release(struct cairn_symbol_file *file)
{
    free(file->asked.list);
    free(file->told.list);
    file->asked = file->told = (struct cairn_unit_ranges){.list = NULL};
}
