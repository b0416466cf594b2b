/* Call frame information: the row of .eh_frame that holds at one address (DWARF 5, section 6.4; LSB 5.0, "Exception
 * Frames").
 *
 * Reads a module's tables in place, only inside its readable segments; a damaged table gives CAIRN_CFI_BAD, never a
 * read outside. Nothing here allocates. Registers have their DWARF numbers. */
#ifndef CAIRN_AGENT_EH_FRAME_H
#define CAIRN_AGENT_EH_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/code_lookup.h"

/* The registers an unwinder follows; a row says nothing of others. */
enum cairn_cfi_column {
    CAIRN_CFI_FRAME_POINTER,
    CAIRN_CFI_STACK_POINTER,
    CAIRN_CFI_RETURN_ADDRESS,
    CAIRN_CFI_COLUMNS,
};

enum cairn_cfi_status {
    CAIRN_CFI_FOUND,
    CAIRN_CFI_NONE, /* no table, or none of its functions holds the address */
    CAIRN_CFI_BAD,  /* damaged, or something this reader does not know */
};

enum cairn_cfi_place_kind {
    CAIRN_CFI_SAME, /* the register was not touched */
    CAIRN_CFI_UNDEFINED,
    CAIRN_CFI_OFFSET,     /* saved at CFA + offset */
    CAIRN_CFI_VAL_OFFSET, /* its value is CFA + offset */
    CAIRN_CFI_REGISTER,   /* in the register `offset` */
    CAIRN_CFI_EXPRESSION, /* saved at the expression's result */
    CAIRN_CFI_VAL_EXPRESSION,
};

/* Where a register's value in the outer frame is to be found. For the CFA: CAIRN_CFI_REGISTER with `base` + `offset`,
 * or CAIRN_CFI_VAL_EXPRESSION. Small, because a machine with a stack of rows runs on the target's stack. */
struct cairn_cfi_place {
    union {
        int64_t offset;
        const uint8_t *expression; /* borrowed from the module */
    };
    uint32_t expression_bytes;
    uint8_t base; /* DWARF number, CAIRN_CFI_OTHER_REGISTER where it is too large */
    uint8_t kind; /* enum cairn_cfi_place_kind */
};

#define CAIRN_CFI_OTHER_REGISTER 0xffu

struct cairn_cfi_row {
    struct cairn_cfi_place cfa;
    struct cairn_cfi_place columns[CAIRN_CFI_COLUMNS];
    bool signal_frame; /* augmentation "S": the outer pc is exact, not a return address */
};

/* The row in force at `pc`. `row` is untouched unless it is found. */
enum cairn_cfi_status cairn_eh_frame_row(const struct cairn_code_module *module, uintptr_t pc,
                                         struct cairn_cfi_row *row);

#endif
