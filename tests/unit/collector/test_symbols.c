/* Symbols, checked against this very program and against binutils' addr2line. */
#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/symbol_file.h"
#include "collector/symbols.h"

static int outer_line, inner_line;

__attribute__((noinline)) static uintptr_t return_address(void)
{
    return (uintptr_t)__builtin_return_address(0);
}

__attribute__((always_inline)) static inline uintptr_t inlined_helper(void)
{
    inner_line = __LINE__ + 1;
    const uintptr_t address = return_address();
    __asm__ volatile("" ::: "memory");
    return address;
}

__attribute__((noinline)) static uintptr_t outer_function(void)
{
    outer_line = __LINE__ + 1;
    const uintptr_t address = inlined_helper();
    __asm__ volatile("" ::: "memory");
    return address;
}

static uint64_t own_bias(void)
{
    struct link_map *map = NULL;
    Dl_info info;
    assert_int_not_equal(dladdr1(&outer_line, &info, (void **)&map, RTLD_DL_LINKMAP), 0);
    return map->l_addr;
}

static void test_inlined_frames(void **state)
{
    (void)state;
    struct cairn_symbols *symbols;
    struct cairn_symbol rows[8];
    char path[4096] = {0};
    assert_non_null(realpath("/proc/self/exe", path));
    assert_int_equal(cairn_symbols_new(&symbols, NULL), CAIRN_OK);
    struct cairn_symbol_module *module = cairn_symbols_module(symbols, path, NULL);
    assert_string_equal(cairn_symbol_module_state(module), "debug");
    const size_t count = cairn_symbol_module_resolve(module, outer_function() - 1 - own_bias(), rows, 8);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].function, "inlined_helper");
    assert_true(rows[0].inlined);
    assert_int_equal(rows[0].line, inner_line);
    assert_string_equal(rows[1].function, "outer_function");
    assert_false(rows[1].inlined);
    assert_int_equal(rows[1].line, outer_line);
    assert_string_equal(rows[1].file, __FILE__);
    cairn_symbols_free(symbols);
}

static void test_other_build_is_not_used(void **state)
{
    (void)state;
    struct cairn_symbols *symbols;
    struct cairn_symbol row;
    assert_int_equal(cairn_symbols_new(&symbols, NULL), CAIRN_OK);
    struct cairn_symbol_module *module = cairn_symbols_module(symbols, "/bin/sh", "00112233");
    assert_memory_equal(cairn_symbol_module_state(module), "none: ", 6);
    assert_int_equal(cairn_symbol_module_resolve(module, 0x1000, &row, 1), 1);
    assert_null(row.function);
    cairn_symbols_free(symbols);
}

static void test_no_file(void **state)
{
    (void)state;
    const char *const paths[] = {"[vdso]",      "linux-vdso.so.1", "/nonexistent/x",
                                 "/etc/passwd", "/dev/null",       "/"};
    struct cairn_symbols *symbols;
    assert_int_equal(cairn_symbols_new(&symbols, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct cairn_symbol row;
        struct cairn_symbol_module *module = cairn_symbols_module(symbols, paths[i], NULL);
        assert_memory_equal(cairn_symbol_module_state(module), "none: ", 6);
        assert_int_equal(cairn_symbol_module_resolve(module, 0x1234, &row, 1), 1);
        assert_null(row.function);
    }
    cairn_symbols_free(symbols);
}

/* addr2line -a -i -f prints the address, then a function and a place for each inlined frame. */
static void compare_with_addr2line(const char *path, uint64_t first, uint64_t step, int addresses)
{
    char command[8192], line[4096];
    struct cairn_symbols *symbols;
    int compared = 0;
    assert_int_equal(cairn_symbols_new(&symbols, NULL), CAIRN_OK);
    struct cairn_symbol_module *module = cairn_symbols_module(symbols, path, NULL);
    for (int i = 0; i < addresses; i++) {
        const uint64_t address = first + (uint64_t)i * step;
        struct cairn_symbol rows[32];
        const size_t count = cairn_symbol_module_resolve(module, address, rows, 32);
        if (!rows[0].function || !rows[0].file) {
            continue;
        }
        snprintf(command, sizeof command, "addr2line -i -f -e '%s' 0x%lx", path, (unsigned long)address);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        size_t frames = 0;
        while (fgets(line, sizeof line, pipe)) {
            line[strcspn(line, "\n")] = '\0';
            assert_true(frames < count);
            const char *own = rows[frames].linkage_name ? rows[frames].linkage_name : rows[frames].function;
            if (strcmp(line, "??") != 0) {
                assert_string_equal(line, own);
            }
            assert_non_null(fgets(line, sizeof line, pipe));
            const char *colon = strrchr(line, ':');
            if (colon && colon[1] != '?' && colon[1] != '0') {
                assert_int_equal(rows[frames].line, atoi(colon + 1));
            }
            frames++;
        }
        pclose(pipe);
        assert_int_equal(frames, count);
        compared++;
    }
    assert_true(compared > addresses / 4);
    cairn_symbols_free(symbols);
}

static void test_agrees_with_addr2line(void **state)
{
    (void)state;
    char path[4096] = {0};
    assert_non_null(realpath("/proc/self/exe", path));
    const uint64_t start = (uint64_t)(uintptr_t)&return_address - own_bias();
    compare_with_addr2line(path, start, 7, 120);
}

static void test_libc_by_symbol_table(void **state)
{
    (void)state;
    struct cairn_symbols *symbols;
    struct cairn_symbol row[8];
    Dl_info info;
    assert_int_equal(cairn_symbols_new(&symbols, NULL), CAIRN_OK);
    void *address = dlsym(RTLD_DEFAULT, "qsort_r");
    assert_int_not_equal(dladdr(address, &info), 0);
    char path[4096] = {0};
    assert_non_null(realpath(info.dli_fname, path));
    struct cairn_symbol_module *module = cairn_symbols_module(symbols, path, NULL);
    const size_t count =
        cairn_symbol_module_resolve(module, (uintptr_t)address - (uintptr_t)info.dli_fbase + 4, row, 8);
    assert_true(count >= 1);
    assert_non_null(row[count - 1].function);
    assert_non_null(strstr(row[count - 1].function, "qsort_r"));
    cairn_symbols_free(symbols);
}

static void assert_same_text(const char *one, const char *other)
{
    assert_int_equal(one == NULL, other == NULL);
    if (one) {
        assert_string_equal(one, other);
    }
}

/* Addresses that two files are asked about. */
struct addresses {
    uint64_t first, step;
    int count;
    size_t head_bytes; /* the other file's debug information is unpacked by halves; 0: at once */
};

/* What `path` says of these addresses is what `own_path`, of the same build, says. */
static void compare_files(const char *own_path, const char *path, const struct addresses *asked)
{
    struct cairn_symbols *symbols[2];
    int inlined = 0;
    const char *const paths[2] = {own_path, path};
    struct cairn_symbol_module *modules[2];
    for (int k = 0; k < 2; k++) {
        assert_int_equal(cairn_symbols_new(&symbols[k], NULL), CAIRN_OK);
        cairn_symbols_expect_few(symbols[k], k ? asked->head_bytes : 0);
        modules[k] = cairn_symbols_module(symbols[k], paths[k], NULL);
    }
    assert_string_equal(cairn_symbol_module_state(modules[1]), "debug");
    for (int i = 0; i < asked->count; i++) {
        struct cairn_symbol rows[2][32];
        size_t counts[2];
        for (int k = 0; k < 2; k++) {
            counts[k] = cairn_symbol_module_resolve(modules[k], asked->first + (uint64_t)i * asked->step,
                                                    rows[k], 32);
        }
        assert_int_equal(counts[0], counts[1]);
        for (size_t row = 0; row < counts[0]; row++) {
            assert_same_text(rows[0][row].function, rows[1][row].function);
            assert_same_text(rows[0][row].linkage_name, rows[1][row].linkage_name);
            assert_same_text(rows[0][row].file, rows[1][row].file);
            assert_int_equal(rows[0][row].line, rows[1][row].line);
            assert_int_equal(rows[0][row].inlined, rows[1][row].inlined);
            inlined += rows[0][row].inlined;
        }
    }
    assert_true(inlined > 0);
    cairn_symbols_free(symbols[0]);
    cairn_symbols_free(symbols[1]);
}

static void compare_with_own_file(const char *path, uint64_t first, uint64_t step, int addresses)
{
    char own_path[4096] = {0};
    assert_non_null(realpath("/proc/self/exe", own_path));
    compare_files(own_path, path,
                  &(struct addresses){.first = first, .step = step, .count = addresses, .head_bytes = 0});
}

/* A copy as objcopy makes it. */
static void copy_file(const char *path, const char *options, char *copy, size_t size)
{
    char command[8192];
    snprintf(copy, size, "/tmp/cairn-test-symbols-%d", (int)getpid());
    snprintf(command, sizeof command, "objcopy %s '%s' %s", options, path, copy);
    assert_int_equal(system(command), 0);
}

static void copy_self(const char *options, char *copy, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)getpid());
    copy_file(path, options, copy, size);
}

static void test_packed_sections(void **state)
{
    (void)state;
    const char *const options[] = {
        "--compress-debug-sections=zlib",
        "--compress-debug-sections=zlib-gnu", /* .zdebug_info */
        "--compress-debug-sections=zlib --add-section .gnu_debugaltlink=/etc/hostname",
        "--decompress-debug-sections",
    };
    const uint64_t start = (uint64_t)(uintptr_t)&return_address - own_bias();
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char copy[64];
        copy_self(options[i], copy, sizeof copy);
        compare_with_own_file(copy, start, 3, 400);
        assert_int_equal(unlink(copy), 0);
    }
}

static uint64_t address_of(void *library, const char *name)
{
    struct link_map *map = library;
    void *address = dlsym(library, name);
    assert_non_null(address);
    return (uintptr_t)address - map->l_addr;
}

static const char *const many_functions[] = {
    many_functions_plain,
#ifdef many_functions_lto
    many_functions_lto,
#endif
};

/* Wherever the first address and those behind it are: in the head, across its end, behind it. */
static void test_packed_sections_by_halves(void **state)
{
    (void)state;
    static const char *const starts[] = {"function_1_100", "function_2_845", "function_8_249"};
    static const size_t heads[] = {1, 300, 20000, 28000};
    for (size_t i = 0; i < sizeof many_functions / sizeof *many_functions; i++) {
        char copy[64];
        void *library = dlopen(many_functions[i], RTLD_NOW);
        assert_non_null(library);
        copy_file(many_functions[i], "--compress-debug-sections=zlib", copy, sizeof copy);
        for (size_t k = 0; k < 3 * 4; k++) {
            compare_files(many_functions[i], copy,
                          &(struct addresses){.first = address_of(library, starts[k % 3]),
                                              .step = 7,
                                              .count = k % 3 == 2 ? 5 : 1500,
                                              .head_bytes = heads[k / 3]});
        }
        dlclose(library);
        assert_int_equal(unlink(copy), 0);
    }
}

/* What is asked for in the head leaves the rest packed. */
static void test_the_head_is_enough(void **state)
{
    (void)state;
    char copy[64];
    struct cairn_symbol_file file;
    struct cairn_symbol_scratch scratch = {.names_used = 0};
    struct cairn_symbol rows[8];
    void *library = dlopen(many_functions_plain, RTLD_NOW);
    assert_non_null(library);
    copy_file(many_functions_plain, "--compress-debug-sections=zlib", copy, sizeof copy);
    cairn_symbol_file_open(&file, copy, NULL);
    file.head_bytes = 28000;
    const uint64_t first = address_of(library, "function_1_100"),
                   last = address_of(library, "function_8_100");
    assert_true(cairn_symbol_dwarf_resolve(&file, first, &scratch, rows, 8) > 0);
    assert_string_equal(rows[0].function, "function_1_100");
    assert_true(cairn_symbol_file_has_more(&file));
    assert_true(cairn_symbol_dwarf_resolve(&file, last, &scratch, rows, 8) > 0);
    assert_string_equal(rows[0].function, "function_8_100");
    assert_false(cairn_symbol_file_has_more(&file));
    cairn_symbol_file_close(&file);
    dlclose(library);
    assert_int_equal(unlink(copy), 0);
}

/* Overwrites a part of the packed section, as on a bad disk. */
static void damage(const char *path, const char *section)
{
    char command[512];
    unsigned long offset = 0;
    snprintf(command, sizeof command,
             "readelf -SW %s | sed -n 's/.* %s  *[A-Z]*  *[0-9a-f]* \\([0-9a-f]*\\) .*/\\1/p'", path,
             section);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%lx", &offset), 1);
    pclose(pipe);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)offset + 200, SEEK_SET), 0);
    assert_int_equal(fwrite("damaged damaged damaged", 1, 23, file), 23);
    fclose(file);
}

/* Names are then those of the symbol table, lines may be unknown. */
static void test_damaged_sections(void **state)
{
    (void)state;
    const char *const sections[] = {".debug_info", ".debug_line", ".debug_abbrev"};
    const uint64_t start = (uint64_t)(uintptr_t)&outer_function - own_bias();
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        char copy[64];
        struct cairn_symbols *symbols;
        struct cairn_symbol rows[32];
        copy_self("--compress-debug-sections=zlib", copy, sizeof copy);
        damage(copy, sections[i]);
        assert_int_equal(cairn_symbols_new(&symbols, NULL), CAIRN_OK);
        struct cairn_symbol_module *module = cairn_symbols_module(symbols, copy, NULL);
        const size_t count = cairn_symbol_module_resolve(module, start, rows, 32);
        assert_true(count >= 1);
        assert_string_equal(rows[count - 1].function, "outer_function");
        cairn_symbols_free(symbols);
        assert_int_equal(unlink(copy), 0);
    }
}

static void test_demangle(void **state)
{
    (void)state;
    char out[256];
    assert_string_equal(cairn_demangle("_ZN5Cache3putEi", out, sizeof out), "Cache::put(int)");
    assert_string_equal(cairn_demangle("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", out, sizeof out),
                        "core::fmt::Write::write_fmt");
    assert_string_equal(cairn_demangle("_D3std5stdio7writelnFAyaZv", out, sizeof out),
                        "std.stdio.writeln(immutable(char)[])");
    assert_string_equal(cairn_demangle("main", out, sizeof out), "main");
    assert_string_equal(cairn_demangle("_Z", out, sizeof out), "_Z");
    assert_string_equal(cairn_demangle("_ZN5Cache3putEi", out, 6), "Cache");
}

static void collect(void *state, int64_t line, const char *text, size_t length)
{
    if (line == 1) {
        assert_int_equal(text[length], '\n');
    }
    *(int64_t *)state += line;
}

static void test_source_lines(void **state)
{
    (void)state;
    int64_t sum = 0;
    const struct cairn_line_range ranges[] = {{1, 3}, {7, 7}, {1000000, 1000002}};
    assert_true(cairn_source_lines(__FILE__, ranges, 3, collect, &sum));
    assert_int_equal(sum, 1 + 2 + 3 + 7);
    assert_false(cairn_source_lines("/dev/zero", ranges, 1, collect, &sum));
    assert_false(cairn_source_lines("/nonexistent", ranges, 1, collect, &sum));
    assert_false(cairn_source_lines("/", ranges, 1, collect, &sum));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inlined_frames),
        cmocka_unit_test(test_other_build_is_not_used),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_agrees_with_addr2line),
        cmocka_unit_test(test_libc_by_symbol_table),
        cmocka_unit_test(test_packed_sections),
        cmocka_unit_test(test_packed_sections_by_halves),
        cmocka_unit_test(test_the_head_is_enough),
        cmocka_unit_test(test_damaged_sections),
        cmocka_unit_test(test_demangle),
        cmocka_unit_test(test_source_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
