#include "agent/eh_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/unwind_x86_64.h"

/* A module in memory of its own size, so that a sanitizer sees a read outside: search table, one common entry, then the
 * functions' entries. Code addresses are offsets from the module, `CODE` on. */
#define CODE           0x100000u
#define FUNCTION_BYTES 0x40u
#define HEADER_BYTES   12u

struct image {
    uint8_t bytes[4096];
    size_t count;
    uint32_t functions;
};

static void put(struct image *image, const void *bytes, size_t count)
{
    assert_true(image->count + count <= sizeof image->bytes);
    memcpy(image->bytes + image->count, bytes, count);
    image->count += count;
}

static void put32(struct image *image, uint32_t value)
{
    put(image, &value, sizeof value);
}

static void set32(struct image *image, size_t at, uint32_t value)
{
    memcpy(image->bytes + at, &value, sizeof value);
}

static size_t begin_entry(struct image *image)
{
    put32(image, 0);
    return image->count;
}

static void end_entry(struct image *image, size_t begun)
{
    while ((image->count - begun) % 8 != 4) {
        put(image, "", 1);
    }
    set32(image, begun - 4, (uint32_t)(image->count - begun));
}

static void begin_image(struct image *image, uint32_t functions)
{
    *image = (struct image){.functions = functions};
    static const uint8_t head[] = {1, 0x1b, 0x03, 0x3b};
    put(image, head, sizeof head);
    put32(image, HEADER_BYTES + 8 * functions - 4); /* where .eh_frame begins, from here: nobody reads it */
    put32(image, functions);
    for (uint32_t i = 0; i < functions; i++) {
        put32(image, CODE + i * 2 * FUNCTION_BYTES);
        put32(image, 0);
    }
}

/* Version 1, code alignment 1, data alignment −8, return address in column 16; CFA = rsp + 8, return address saved. */
static size_t add_common(struct image *image, const char *letters)
{
    static const uint8_t numbers[] = {1, 0x78, 16};
    static const uint8_t program[] = {0x0c, 7, 8, 0x90, 1};
    const size_t entry = image->count, begun = begin_entry(image);
    put32(image, 0);
    put(image, "\1", 1);
    put(image, letters, strlen(letters) + 1);
    put(image, numbers, sizeof numbers);
    if (letters[0] == 'z') {
        put(image, "\1\x1b", 2); /* one byte of data: pointers are 32 bits, relative to themselves */
    }
    put(image, program, sizeof program);
    end_entry(image, begun);
    return entry;
}

static void add_function(struct image *image, uint32_t number, size_t common, const uint8_t *program,
                         size_t program_bytes)
{
    set32(image, HEADER_BYTES + 8 * number + 4, (uint32_t)image->count);
    const size_t begun = begin_entry(image);
    put32(image, (uint32_t)(image->count - common));
    put32(image, CODE + number * 2 * FUNCTION_BYTES - (uint32_t)image->count);
    put32(image, FUNCTION_BYTES);
    put(image, "", 1);
    put(image, program, program_bytes);
    end_entry(image, begun);
}

struct loaded {
    uint8_t *bytes;
    struct cairn_code_module module;
};

static struct loaded load(const struct image *image, size_t count)
{
    struct loaded loaded = {.bytes = malloc(count > 0 ? count : 1)};
    assert_non_null(loaded.bytes);
    memcpy(loaded.bytes, image->bytes, count);
    loaded.module = (struct cairn_code_module){
        .eh_frame_hdr = (uintptr_t)loaded.bytes,
        .segment_count = 1,
        .segments = {{.low = (uintptr_t)loaded.bytes, .high = (uintptr_t)loaded.bytes + count}},
    };
    return loaded;
}

static enum cairn_cfi_status row_at(const struct loaded *loaded, uint32_t offset, struct cairn_cfi_row *row)
{
    return cairn_eh_frame_row(&loaded->module, loaded->module.eh_frame_hdr + offset, row);
}

/* push %rbp at 1; rbp as CFA from 4 on; an early way out at 0x10–0x12; then a nested expression. */
static const uint8_t usual_program[] = {
    0x41, 0x0e, 16,   0x86, 2,    /* 1: rsp + 16, rbp at CFA − 16 */
    0x43, 0x0d, 6,                /* 4: rbp + 16 */
    0x4c, 0x0a,                   /* 0x10: remember */
    0x0c, 7,    8,    0xc6,       /* rsp + 8, rbp restored */
    0x02, 2,    0x0b,             /* 0x12: as before */
    0x2e, 16,                     /* argument bytes */
    0x4e, 0x0f, 2,    0x77, 0x20, /* 0x20: rsp + 32 by an expression */
    0x10, 6,    2,    0x76, 0x00, /* rbp saved at rbp + 0 */
    0x07, 16,                     /* return address undefined */
};

static void build_usual(struct image *image)
{
    begin_image(image, 3);
    const size_t common = add_common(image, "zR");
    for (uint32_t i = 0; i < 3; i++) {
        add_function(image, i, common, usual_program, sizeof usual_program);
    }
}

static void assert_cfa(const struct cairn_cfi_row *row, uint32_t base, int64_t offset)
{
    assert_int_equal(row->cfa.kind, CAIRN_CFI_REGISTER);
    assert_int_equal(row->cfa.base, base);
    assert_int_equal(row->cfa.offset, offset);
}

static void test_rows_of_a_function(void **state)
{
    (void)state;
    struct image image;
    build_usual(&image);
    struct loaded loaded = load(&image, image.count);
    struct cairn_cfi_row row;
    for (uint32_t function = 0; function < 3; function++) {
        const uint32_t begin = CODE + function * 2 * FUNCTION_BYTES;
        const struct cairn_cfi_place *rbp = &row.columns[CAIRN_CFI_FRAME_POINTER];
        const struct cairn_cfi_place *return_address = &row.columns[CAIRN_CFI_RETURN_ADDRESS];
        assert_int_equal(row_at(&loaded, begin, &row), CAIRN_CFI_FOUND);
        assert_cfa(&row, CAIRN_DWARF_STACK_POINTER, 8);
        assert_int_equal(rbp->kind, CAIRN_CFI_SAME);
        assert_int_equal(return_address->kind, CAIRN_CFI_OFFSET);
        assert_int_equal(return_address->offset, -8);
        assert_int_equal(row_at(&loaded, begin + 3, &row), CAIRN_CFI_FOUND);
        assert_cfa(&row, CAIRN_DWARF_STACK_POINTER, 16);
        assert_int_equal(rbp->kind, CAIRN_CFI_OFFSET);
        assert_int_equal(rbp->offset, -16);
        assert_int_equal(row_at(&loaded, begin + 4, &row), CAIRN_CFI_FOUND);
        assert_cfa(&row, CAIRN_DWARF_FRAME_POINTER, 16);
        assert_int_equal(row_at(&loaded, begin + 0x11, &row), CAIRN_CFI_FOUND);
        assert_cfa(&row, CAIRN_DWARF_STACK_POINTER, 8);
        assert_int_equal(rbp->kind, CAIRN_CFI_SAME);
        assert_int_equal(row_at(&loaded, begin + 0x12, &row), CAIRN_CFI_FOUND);
        assert_cfa(&row, CAIRN_DWARF_FRAME_POINTER, 16);
        assert_int_equal(rbp->kind, CAIRN_CFI_OFFSET);
        assert_int_equal(row_at(&loaded, begin + 0x3f, &row), CAIRN_CFI_FOUND);
        assert_int_equal(row.cfa.kind, CAIRN_CFI_VAL_EXPRESSION);
        assert_int_equal(row.cfa.expression_bytes, 2);
        assert_int_equal(rbp->kind, CAIRN_CFI_EXPRESSION);
        assert_int_equal(return_address->kind, CAIRN_CFI_UNDEFINED);
        assert_false(row.signal_frame);
    }
    free(loaded.bytes);
}

static void test_addresses_of_no_function(void **state)
{
    (void)state;
    struct image image;
    build_usual(&image);
    struct loaded loaded = load(&image, image.count);
    struct cairn_cfi_row row;
    assert_int_equal(row_at(&loaded, CODE - 1, &row), CAIRN_CFI_NONE);
    assert_int_equal(row_at(&loaded, CODE + FUNCTION_BYTES, &row), CAIRN_CFI_NONE);
    assert_int_equal(row_at(&loaded, CODE + 10 * FUNCTION_BYTES, &row), CAIRN_CFI_NONE);
    loaded.module.eh_frame_hdr = 0;
    assert_int_equal(cairn_eh_frame_row(&loaded.module, 0x1234, &row), CAIRN_CFI_NONE);
    free(loaded.bytes);
}

static void test_signal_frames_and_unknown_letters(void **state)
{
    (void)state;
    static const struct {
        const char *letters;
        enum cairn_cfi_status status;
        bool signal_frame;
    } cases[] = {
        {"zRS", CAIRN_CFI_FOUND, true},
        {"zR", CAIRN_CFI_FOUND, false},
        {"zRX", CAIRN_CFI_BAD, false},
        {"eh", CAIRN_CFI_BAD, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct image image;
        begin_image(&image, 1);
        add_function(&image, 0, add_common(&image, cases[i].letters), (const uint8_t *)"", 0);
        struct loaded loaded = load(&image, image.count);
        struct cairn_cfi_row row = {0};
        assert_int_equal(row_at(&loaded, CODE, &row), cases[i].status);
        assert_int_equal(row.signal_frame, cases[i].signal_frame);
        free(loaded.bytes);
    }
}

static void test_programs_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t count;
    } programs[] = {
        {{0x0b}, 1},                                     /* restores a state that nobody remembered */
        {{0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a}, 7}, /* remembers too many */
        {{0x3f}, 1},                                     /* no such instruction */
        {{0x01, 1, 2, 3, 4}, 5},                         /* a location without a base */
        {{0x0f, 0xff, 0x7f}, 3},                         /* an expression longer than its entry */
        {{0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
         12}, /* a number without end */
    };
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        struct image image;
        begin_image(&image, 1);
        add_function(&image, 0, add_common(&image, "zR"), programs[i].bytes, programs[i].count);
        struct loaded loaded = load(&image, image.count);
        struct cairn_cfi_row row;
        assert_int_equal(row_at(&loaded, CODE + 8, &row), CAIRN_CFI_BAD);
        free(loaded.bytes);
    }
}

/* Cut anywhere: whatever is said, nothing is read outside. */
static void test_every_cut(void **state)
{
    (void)state;
    struct image image;
    build_usual(&image);
    for (size_t count = 0; count < image.count; count++) {
        struct loaded loaded = load(&image, count);
        struct cairn_cfi_row row;
        for (uint32_t offset = 0; offset < 5 * FUNCTION_BYTES; offset += 7) {
            row_at(&loaded, CODE + offset, &row);
        }
        free(loaded.bytes);
    }
}

static void test_random_damage(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 60000; round++) {
        struct image image;
        build_usual(&image);
        for (int i = 0; i < 1 + round % 6; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            image.bytes[(seed >> 33) % image.count] = (uint8_t)(seed >> 24);
        }
        struct loaded loaded = load(&image, image.count);
        struct cairn_cfi_row row;
        row_at(&loaded, CODE + (uint32_t)(seed >> 40) % (5 * FUNCTION_BYTES), &row);
        free(loaded.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_a_function),
        cmocka_unit_test(test_addresses_of_no_function),
        cmocka_unit_test(test_signal_frames_and_unknown_letters),
        cmocka_unit_test(test_programs_that_are_refused),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
