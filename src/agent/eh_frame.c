#include "agent/eh_frame.h"

#include <stddef.h>
#include <string.h>

#include "agent/unwind_x86_64.h"

/* Pointer encodings (LSB 5.0, "DWARF Exception Header Encoding"). */
enum {
    ENCODING_ABSOLUTE = 0x00,
    ENCODING_ULEB = 0x01,
    ENCODING_UDATA2 = 0x02,
    ENCODING_UDATA4 = 0x03,
    ENCODING_UDATA8 = 0x04,
    ENCODING_SLEB = 0x09,
    ENCODING_SDATA2 = 0x0a,
    ENCODING_SDATA4 = 0x0b,
    ENCODING_SDATA8 = 0x0c,
    ENCODING_FORMAT_MASK = 0x0f,
    ENCODING_PC_RELATIVE = 0x10,
    ENCODING_DATA_RELATIVE = 0x30,
    ENCODING_BASE_MASK = 0x70,
    ENCODING_OMITTED = 0xff,
};

/* The only kind of search table that linkers write: pairs of 32-bit offsets from the header. */
#define SORTED_TABLE_ENCODING (ENCODING_DATA_RELATIVE | ENCODING_SDATA4)

#define REMEMBERED_STATES     6u

/* A cursor over readable bytes. `bad` is sticky: a reader that ran out gives zeros and says so at the end. */
struct reader {
    const uint8_t *at, *end;
    bool bad;
};

struct common_entry {
    uint64_t code_alignment;
    int64_t data_alignment;
    uint8_t pointer_encoding;
    bool augmented, signal_frame;
    struct reader program;
};

struct function_entry {
    uintptr_t low, high;
    struct common_entry common;
    struct reader program;
};

/* The instructions' machine. */
struct machine {
    const struct common_entry *common;
    uintptr_t location, target;
    uint32_t remembered_count;
    bool initial; /* running the CIE's program */
    struct cairn_cfi_row row, initial_row;
    struct cairn_cfi_row remembered[REMEMBERED_STATES];
};

static struct reader reader_at(const struct cairn_code_module *module, uintptr_t address)
{
    const struct cairn_code_segment *segment = cairn_code_segment_of(module, address, 1);
    if (segment == NULL) {
        return (struct reader){.bad = true};
    }
    return (struct reader){.at = (const uint8_t *)address, .end = (const uint8_t *)segment->high};
}

static const uint8_t *take(struct reader *reader, uint64_t bytes)
{
    if (reader->bad || (uint64_t)(reader->end - reader->at) < bytes) {
        reader->bad = true;
        return NULL;
    }
    const uint8_t *taken = reader->at;
    reader->at += bytes;
    return taken;
}

static uint64_t read_unsigned(struct reader *reader, uint32_t bytes)
{
    uint64_t value = 0;
    const uint8_t *taken = take(reader, bytes);
    if (taken != NULL) {
        memcpy(&value, taken, bytes);
    }
    return value;
}

static int64_t read_signed(struct reader *reader, uint32_t bytes)
{
    const uint32_t shift = 64 - 8 * bytes;
    return (int64_t)(read_unsigned(reader, bytes) << shift) >> shift;
}

static uint64_t read_leb(struct reader *reader, bool is_signed)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 70; shift += 7) {
        const uint8_t *byte = take(reader, 1);
        if (byte == NULL) {
            return 0;
        }
        if (shift < 64) {
            value |= (uint64_t)(*byte & 0x7f) << shift;
        }
        if (!(*byte & 0x80)) {
            if (is_signed && (*byte & 0x40) && shift + 7 < 64) {
                value |= ~0ull << (shift + 7);
            }
            return value;
        }
    }
    reader->bad = true;
    return 0;
}

/* The number as it is written, without its base: a pc range has none. */
static uint64_t read_format(struct reader *reader, uint8_t encoding)
{
    switch (encoding & ENCODING_FORMAT_MASK) {
    case ENCODING_ABSOLUTE:
    case ENCODING_UDATA8:
    case ENCODING_SDATA8:
        return read_unsigned(reader, 8);
    case ENCODING_ULEB:
        return read_leb(reader, false);
    case ENCODING_SLEB:
        return read_leb(reader, true);
    case ENCODING_UDATA2:
        return read_unsigned(reader, 2);
    case ENCODING_SDATA2:
        return (uint64_t)read_signed(reader, 2);
    case ENCODING_UDATA4:
        return read_unsigned(reader, 4);
    case ENCODING_SDATA4:
        return (uint64_t)read_signed(reader, 4);
    default:
        reader->bad = true;
        return 0;
    }
}

static uintptr_t read_pointer(struct reader *reader, uint8_t encoding, uintptr_t data_base)
{
    const uintptr_t here = (uintptr_t)reader->at;
    const uint64_t value = read_format(reader, encoding);
    switch (encoding & ENCODING_BASE_MASK) {
    case 0:
        return value;
    case ENCODING_PC_RELATIVE:
        return here + value;
    case ENCODING_DATA_RELATIVE:
        return data_base + value;
    default:
        reader->bad = true;
        return 0;
    }
}

/* The address of the last function entry that begins at or before `pc`; 0 where there is none. */
static enum cairn_cfi_status search_table(const struct cairn_code_module *module, uintptr_t pc,
                                          uintptr_t *entry)
{
    const uintptr_t base = module->eh_frame_hdr;
    struct reader reader = reader_at(module, base);
    const uint8_t *head = take(&reader, 4);
    if (head == NULL || head[0] != 1 || head[2] == ENCODING_OMITTED || head[3] != SORTED_TABLE_ENCODING) {
        return CAIRN_CFI_BAD;
    }
    read_pointer(&reader, head[1], base);
    const uint64_t count = read_pointer(&reader, head[2], base);
    if (reader.bad || count > (uint64_t)(reader.end - reader.at) / 8) {
        return CAIRN_CFI_BAD;
    }
    const uint8_t *table = reader.at;
    uint64_t low = 0,
             high = count; /* entries before `low` begin at or before pc, those from `high` on after it */
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        int32_t offset = 0;
        memcpy(&offset, table + middle * 8, sizeof offset);
        if (base + (uintptr_t)(intptr_t)offset <= pc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return CAIRN_CFI_NONE;
    }
    int32_t offset = 0;
    memcpy(&offset, table + (low - 1) * 8 + 4, sizeof offset);
    *entry = base + (uintptr_t)(intptr_t)offset;
    return CAIRN_CFI_FOUND;
}

/* Narrows `reader`, which stands at an entry's length, to the entry's content. */
static void enter_entry(struct reader *reader)
{
    uint64_t bytes = read_unsigned(reader, 4);
    if (bytes == 0xffffffff) {
        bytes = read_unsigned(reader, 8);
    }
    if (reader->bad || bytes == 0 || bytes > (uint64_t)(reader->end - reader->at)) {
        reader->bad = true;
        return;
    }
    reader->end = reader->at + bytes;
}

static void read_augmentation(struct reader *reader, const char *letters, struct common_entry *common)
{
    if (letters[0] == '\0') {
        return;
    }
    if (letters[0] != 'z') {
        reader->bad = true;
        return;
    }
    common->augmented = true;
    const uint64_t bytes = read_leb(reader, false);
    const uint8_t *content = take(reader, bytes);
    if (content == NULL) {
        return;
    }
    struct reader inner = {.at = content, .end = content + bytes};
    for (const char *letter = letters + 1; *letter != '\0'; letter++) {
        switch (*letter) {
        case 'R':
            common->pointer_encoding = (uint8_t)read_unsigned(&inner, 1);
            break;
        case 'P':
            read_format(&inner, (uint8_t)read_unsigned(&inner, 1));
            break;
        case 'L':
            read_unsigned(&inner, 1);
            break;
        case 'S':
            common->signal_frame = true;
            break;
        default: /* its meaning is unknown, and so is what follows */
            reader->bad = true;
            return;
        }
    }
    reader->bad |= inner.bad;
}

static bool read_common_entry(const struct cairn_code_module *module, uintptr_t address,
                              struct common_entry *common)
{
    *common = (struct common_entry){.pointer_encoding = ENCODING_ABSOLUTE};
    struct reader reader = reader_at(module, address);
    enter_entry(&reader);
    const uint64_t id = read_unsigned(&reader, 4);
    const uint64_t version = read_unsigned(&reader, 1);
    if (reader.bad || id != 0 || (version != 1 && version != 3)) {
        return false;
    }
    const char *letters = (const char *)reader.at;
    const size_t longest = (size_t)(reader.end - reader.at);
    const size_t length = strnlen(letters, longest);
    if (take(&reader, length + 1) == NULL) {
        return false;
    }
    common->code_alignment = read_leb(&reader, false);
    common->data_alignment = (int64_t)read_leb(&reader, true);
    const uint64_t return_column = version == 1 ? read_unsigned(&reader, 1) : read_leb(&reader, false);
    read_augmentation(&reader, letters, common);
    common->program = reader;
    return !reader.bad && return_column == CAIRN_DWARF_RETURN_ADDRESS;
}

static bool read_function_entry(const struct cairn_code_module *module, uintptr_t address,
                                struct function_entry *function)
{
    struct reader reader = reader_at(module, address);
    enter_entry(&reader);
    const uintptr_t back_from = (uintptr_t)reader.at;
    const uint64_t back = read_unsigned(&reader, 4);
    if (reader.bad || back == 0 || !read_common_entry(module, back_from - back, &function->common)) {
        return false;
    }
    const uint8_t encoding = function->common.pointer_encoding;
    function->low = read_pointer(&reader, encoding, module->eh_frame_hdr);
    function->high = function->low + read_format(&reader, encoding);
    if (function->common.augmented) {
        take(&reader, read_leb(&reader, false));
    }
    function->program = reader;
    return !reader.bad;
}

static struct cairn_cfi_place read_expression(struct reader *reader, enum cairn_cfi_place_kind kind)
{
    const uint64_t bytes = read_leb(reader, false);
    return (struct cairn_cfi_place){
        .kind = (uint8_t)kind,
        .expression = take(reader, bytes),
        .expression_bytes = (uint32_t)bytes, /* a segment is far smaller than 4 GiB, or take() failed */
    };
}

/* The place of a register in a row, or NULL for one that nobody follows: read and dropped. */
static struct cairn_cfi_place *column_of(struct cairn_cfi_row *row, uint64_t dwarf_register)
{
    switch (dwarf_register) {
    case CAIRN_DWARF_FRAME_POINTER:
        return &row->columns[CAIRN_CFI_FRAME_POINTER];
    case CAIRN_DWARF_STACK_POINTER:
        return &row->columns[CAIRN_CFI_STACK_POINTER];
    case CAIRN_DWARF_RETURN_ADDRESS:
        return &row->columns[CAIRN_CFI_RETURN_ADDRESS];
    default:
        return NULL;
    }
}

static void set_column(struct machine *machine, uint64_t dwarf_register, struct cairn_cfi_place place)
{
    struct cairn_cfi_place *column = column_of(&machine->row, dwarf_register);
    if (column != NULL) {
        *column = place;
    }
}

static struct cairn_cfi_place offset_place(const struct machine *machine, enum cairn_cfi_place_kind kind,
                                           int64_t factored)
{
    return (struct cairn_cfi_place){
        .kind = (uint8_t)kind,
        .offset = (int64_t)((uint64_t)factored * (uint64_t)machine->common->data_alignment),
    };
}

static void restore_column(struct machine *machine, uint64_t dwarf_register)
{
    const struct cairn_cfi_place *initial = column_of(&machine->initial_row, dwarf_register);
    if (initial != NULL) {
        set_column(machine, dwarf_register, *initial);
    }
}

/* Returns false when the location passes the target: the row stands. */
static bool advance(struct machine *machine, uint64_t delta)
{
    const uintptr_t next = machine->location + delta * machine->common->code_alignment;
    if (next > machine->target) {
        return false;
    }
    machine->location = next;
    return true;
}

static void define_cfa(struct machine *machine, uint64_t base, int64_t offset)
{
    machine->row.cfa = (struct cairn_cfi_place){
        .kind = CAIRN_CFI_REGISTER,
        .base = (uint8_t)(base < CAIRN_CFI_OTHER_REGISTER ? base : CAIRN_CFI_OTHER_REGISTER),
        .offset = offset,
    };
}

/* Instructions whose operation is in the low six bits, those about the CFA and the state. */
static void run_state(struct machine *machine, struct reader *program, uint8_t operation)
{
    switch (operation) {
    case 0x00: /* DW_CFA_nop */
        break;
    case 0x0a: /* DW_CFA_remember_state */
        if (machine->remembered_count == REMEMBERED_STATES) {
            program->bad = true;
            return;
        }
        machine->remembered[machine->remembered_count++] = machine->row;
        break;
    case 0x0b: /* DW_CFA_restore_state */
        if (machine->remembered_count == 0) {
            program->bad = true;
            return;
        }
        machine->row = machine->remembered[--machine->remembered_count];
        break;
    case 0x0c: { /* DW_CFA_def_cfa */
        const uint64_t base = read_leb(program, false);
        define_cfa(machine, base, (int64_t)read_leb(program, false));
        break;
    }
    case 0x12: { /* DW_CFA_def_cfa_sf */
        const uint64_t base = read_leb(program, false);
        const int64_t factored = (int64_t)read_leb(program, true);
        define_cfa(machine, base, offset_place(machine, CAIRN_CFI_OFFSET, factored).offset);
        break;
    }
    case 0x0d: /* DW_CFA_def_cfa_register */
        define_cfa(machine, read_leb(program, false), machine->row.cfa.offset);
        break;
    case 0x0e: /* DW_CFA_def_cfa_offset */
        define_cfa(machine, machine->row.cfa.base, (int64_t)read_leb(program, false));
        break;
    case 0x13: /* DW_CFA_def_cfa_offset_sf */
        define_cfa(machine, machine->row.cfa.base,
                   offset_place(machine, CAIRN_CFI_OFFSET, (int64_t)read_leb(program, true)).offset);
        break;
    case 0x0f: /* DW_CFA_def_cfa_expression */
        machine->row.cfa = read_expression(program, CAIRN_CFI_VAL_EXPRESSION);
        break;
    case 0x2e: /* DW_CFA_GNU_args_size: for landing pads only */
        read_leb(program, false);
        break;
    default:
        program->bad = true;
    }
}

/* Instructions that say where one register is. */
static void run_column(struct machine *machine, struct reader *program, uint8_t operation)
{
    const uint64_t column = read_leb(program, false);
    switch (operation) {
    case 0x05: /* DW_CFA_offset_extended */
        set_column(machine, column,
                   offset_place(machine, CAIRN_CFI_OFFSET, (int64_t)read_leb(program, false)));
        break;
    case 0x06: /* DW_CFA_restore_extended */
        restore_column(machine, column);
        break;
    case 0x07: /* DW_CFA_undefined */
        set_column(machine, column, (struct cairn_cfi_place){.kind = CAIRN_CFI_UNDEFINED});
        break;
    case 0x08: /* DW_CFA_same_value */
        set_column(machine, column, (struct cairn_cfi_place){.kind = CAIRN_CFI_SAME});
        break;
    case 0x09: /* DW_CFA_register */
        set_column(machine, column,
                   (struct cairn_cfi_place){.kind = CAIRN_CFI_REGISTER,
                                            .offset = (int64_t)read_leb(program, false)});
        break;
    case 0x10: /* DW_CFA_expression */
        set_column(machine, column, read_expression(program, CAIRN_CFI_EXPRESSION));
        break;
    case 0x11: /* DW_CFA_offset_extended_sf */
        set_column(machine, column,
                   offset_place(machine, CAIRN_CFI_OFFSET, (int64_t)read_leb(program, true)));
        break;
    case 0x14: /* DW_CFA_val_offset */
        set_column(machine, column,
                   offset_place(machine, CAIRN_CFI_VAL_OFFSET, (int64_t)read_leb(program, false)));
        break;
    case 0x15: /* DW_CFA_val_offset_sf */
        set_column(machine, column,
                   offset_place(machine, CAIRN_CFI_VAL_OFFSET, (int64_t)read_leb(program, true)));
        break;
    case 0x16: /* DW_CFA_val_expression */
        set_column(machine, column, read_expression(program, CAIRN_CFI_VAL_EXPRESSION));
        break;
    default:
        program->bad = true;
    }
}

/* Runs one instruction. Returns false when the program went past the target. */
static bool run_instruction(struct machine *machine, struct reader *program)
{
    const uint8_t byte = (uint8_t)read_unsigned(program, 1);
    const uint8_t operand = byte & 0x3f;
    switch (byte >> 6) {
    case 1: /* DW_CFA_advance_loc */
        return advance(machine, operand);
    case 2: /* DW_CFA_offset */
        set_column(machine, operand,
                   offset_place(machine, CAIRN_CFI_OFFSET, (int64_t)read_leb(program, false)));
        return true;
    case 3: /* DW_CFA_restore */
        restore_column(machine, operand);
        return true;
    default:
        break;
    }
    switch (byte) {
    case 0x01: { /* DW_CFA_set_loc: no compiler for x86-64 writes it, and its pointer needs a base */
        program->bad = true;
        return true;
    }
    case 0x02: /* DW_CFA_advance_loc1 */
        return advance(machine, read_unsigned(program, 1));
    case 0x03: /* DW_CFA_advance_loc2 */
        return advance(machine, read_unsigned(program, 2));
    case 0x04: /* DW_CFA_advance_loc4 */
        return advance(machine, read_unsigned(program, 4));
    case 0x05:
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x10:
    case 0x11:
    case 0x14:
    case 0x15:
    case 0x16:
        run_column(machine, program, byte);
        return true;
    default:
        run_state(machine, program, byte);
        return true;
    }
}

static bool run_program(struct machine *machine, struct reader program)
{
    while (!program.bad && program.at < program.end) {
        if (!run_instruction(machine, &program)) {
            break;
        }
    }
    return !program.bad;
}

enum cairn_cfi_status cairn_eh_frame_row(const struct cairn_code_module *module, uintptr_t pc,
                                         struct cairn_cfi_row *row)
{
    if (module->eh_frame_hdr == 0) {
        return CAIRN_CFI_NONE;
    }
    uintptr_t entry = 0;
    const enum cairn_cfi_status searched = search_table(module, pc, &entry);
    if (searched != CAIRN_CFI_FOUND) {
        return searched;
    }
    struct function_entry function;
    if (!read_function_entry(module, entry, &function)) {
        return CAIRN_CFI_BAD;
    }
    if (pc < function.low || pc >= function.high) {
        return CAIRN_CFI_NONE;
    }
    struct machine machine;
    machine.common = &function.common;
    machine.location = function.low;
    machine.target = pc;
    machine.remembered_count = 0;
    machine.row = (struct cairn_cfi_row){.signal_frame = function.common.signal_frame};
    machine.initial_row = machine.row;
    if (!run_program(&machine, function.common.program)) {
        return CAIRN_CFI_BAD;
    }
    machine.initial_row = machine.row;
    if (!run_program(&machine, function.program)) {
        return CAIRN_CFI_BAD;
    }
    *row = machine.row;
    return CAIRN_CFI_FOUND;
}
