/* Which frame an allocation is charged to, by names as the demanglers write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/site.h"
#include "trace/site_name.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

static struct cairn_site_rule *builtin;

static int make_builtin(void **state)
{
    (void)state;
    struct cairn_error error;
    return cairn_site_rule_new(true, NULL, 0, &builtin, &error) == CAIRN_OK ? 0 : -1;
}

static int free_builtin(void **state)
{
    (void)state;
    cairn_site_rule_free(builtin);
    return 0;
}

static bool skips(const char *function)
{
    return cairn_site_rule_skips(builtin, function, "/usr/bin/program", CAIRN_LANG_NATIVE);
}

static void test_allocators_and_containers_are_passed_over(void **state)
{
    (void)state;
    static const char *const names[] = {
        "malloc",
        "operator new(unsigned long)",
        "operator new[](unsigned long, std::nothrow_t const&)",
        "Pool::operator new(unsigned long)",
        "std::vector<int, std::allocator<int> >::_M_realloc_insert<int "
        "const&>(__gnu_cxx::__normal_iterator<int*, "
        "std::vector<int, std::allocator<int> > >, int const&)",
        "void std::vector<std::string>::_M_realloc_insert<char const*>(int) [clone .cold]",
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::_M_create(unsigned "
        "long&, "
        "unsigned long)",
        "__gnu_cxx::new_allocator<std::_Rb_tree_node<int> >::allocate(unsigned long, void const*)",
        "std::shared_ptr<Foo> std::make_shared<Foo, int>(int&&)",
        "std::function<void (int)>::function<main::{lambda(int)#1}>(main::{lambda(int)#1})",
        "std::__1::vector<int>::push_back(int const&)",
        "strdup",
        "__GI___strdup",
        "_IO_file_doallocate",
        "__libc_alloc_buffer_allocate",
        "g_malloc0",
        "g_strdup_vprintf",
        "xmalloc",
        "xcalloc",
        "xrealloc",
        "xstrdup",
        "xrealloc.part.0",
        "do_xmalloc",
        "strbuf_grow",
        "jv_mem_alloc",
        "jv_mem_calloc",
        "zmalloc",
        "ztrymalloc_usable_internal",
        "sdsnewlen",
        "_sdsnewlen.constprop.0",
        "sqlite3MemMalloc",
        "sqlite3Malloc",
        "sqlite3DbMallocRawNN",
        "mallocWithAlarm",
        "PyMem_RawMalloc",
        "PyObject_Malloc",
        "_PyObject_Realloc",
        "_PyObject_GC_NewVar",
        "PyType_GenericAlloc",
        "apr_palloc",
        "talloc_named_const",
        "ggc_internal_alloc(unsigned long, void (*)(void*), unsigned long, unsigned long)",
        "va_heap::reserve<rtx_def*>(vec<rtx_def*, va_heap, vl_embed>*&, unsigned int, bool)",
        "__rust_alloc",
        "alloc::raw_vec::RawVec<T,A>::grow_one",
        "alloc::alloc::exchange_malloc",
        "<alloc::vec::Vec<T> as core::iter::traits::collect::FromIterator<T>>::from_iter",
        "<T as core::convert::Into<U>>::into",
        "<[T] as core::slice::Concat>::concat",
        "hashbrown::raw::RawTable<T,A>::reserve_rehash",
        "core::ops::function::FnOnce::call_once",
        "runtime.mallocgc",
        "swift_allocObject",
        "_d_newclass",
        "_M_create<capture()::<lambda()> >",
        "my_own_allocator_malloc",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!skips(names[i])) {
            fail_msg("not passed over: %s", names[i]);
        }
    }
}

static void test_the_programs_own_functions_are_charged(void **state)
{
    (void)state;
    static const char *const names[] = {
        "main",
        "parse_object",
        "jv_parse_sized",
        "jv_string_sized",
        "add_commit_info",
        "read_object_file_extended",
        "createStringObject",
        "dictAddRaw",
        "sqlite3VdbeMemGrow",
        "sqlite3BtreeInsert",
        "PyDict_SetItem",
        "ns::Tree::insert(std::vector<int, std::allocator<int> > const&)",
        "void ns::fill<std::vector<int> >(std::vector<int>&)",
        "stdlike::vector::grow()",
        "(anonymous namespace)::Cache::put(int)",
        "mallocator_name",
        "standard",
        "core::Engine::start()",
        "engine::operator+(engine::V const&, engine::V const&)",
        "my_crate::parser::parse",
        "<my_crate::Tree as core::clone::Clone>::clone",
        "free_list_insert",
        "main.main",
        "newer",
        "operators_table_new",
        "",
        "<",
        "(",
        ">>>",
        "operator",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (skips(names[i])) {
            fail_msg("passed over: %s", names[i]);
        }
    }
}

static void test_modules(void **state)
{
    (void)state;
    assert_true(cairn_site_rule_skips(builtin, NULL, "/lib/x86_64-linux-gnu/libc.so.6", CAIRN_LANG_NATIVE));
    assert_true(cairn_site_rule_skips(builtin, "regcomp_helper", "/lib/x86_64-linux-gnu/libc.so.6",
                                      CAIRN_LANG_NATIVE));
    assert_true(cairn_site_rule_skips(builtin, NULL, "/usr/lib/libstdc++.so.6.0.30", CAIRN_LANG_NATIVE));
    assert_true(cairn_site_rule_skips(builtin, NULL, "ld-linux-x86-64.so.2", CAIRN_LANG_NATIVE));
    assert_true(cairn_site_rule_skips(builtin, "anything", "/usr/lib/libjemalloc.so.2", CAIRN_LANG_NATIVE));
    assert_false(cairn_site_rule_skips(builtin, NULL, "/usr/bin/program", CAIRN_LANG_NATIVE));
    assert_false(cairn_site_rule_skips(builtin, NULL, "/opt/libc.so.d/program", CAIRN_LANG_NATIVE));
    assert_false(cairn_site_rule_skips(builtin, NULL, "/usr/lib/libcurl.so.4", CAIRN_LANG_NATIVE));
    assert_false(cairn_site_rule_skips(builtin, NULL, NULL, CAIRN_LANG_NATIVE));
}

static void test_python_names_are_not_native_ones(void **state)
{
    (void)state;
    assert_false(cairn_site_rule_skips(builtin, "malloc", NULL, CAIRN_LANG_PYTHON));
    assert_false(cairn_site_rule_skips(builtin, "xmalloc", "/usr/lib/libc.so.6", CAIRN_LANG_PYTHON));
}

static void test_users_expressions(void **state)
{
    (void)state;
    static const char *const extra[] = {"^pool_", "Arena::(get|put)\\("};
    struct cairn_site_rule *rule;
    struct cairn_error error;
    assert_int_equal(cairn_site_rule_new(true, extra, 2, &rule, &error), CAIRN_OK);
    assert_true(cairn_site_rule_skips(rule, "pool_get", NULL, CAIRN_LANG_NATIVE));
    assert_true(cairn_site_rule_skips(rule, "pool_get", NULL, CAIRN_LANG_PYTHON));
    assert_true(cairn_site_rule_skips(rule, "Arena::get(int)", NULL, CAIRN_LANG_NATIVE));
    assert_true(cairn_site_rule_skips(rule, "malloc", NULL, CAIRN_LANG_NATIVE));
    assert_false(cairn_site_rule_skips(rule, "main", NULL, CAIRN_LANG_NATIVE));
    assert_int_not_equal(cairn_site_rule_id(rule), cairn_site_rule_id(builtin));
    cairn_site_rule_free(rule);
    assert_int_equal(cairn_site_rule_new(false, extra, 2, &rule, &error), CAIRN_OK);
    assert_false(cairn_site_rule_skips(rule, "malloc", "/lib/libc.so.6", CAIRN_LANG_NATIVE));
    assert_true(cairn_site_rule_skips(rule, "pool_get", NULL, CAIRN_LANG_NATIVE));
    cairn_site_rule_free(rule);
    cairn_site_rule_free(NULL);
}

static void test_a_bad_expression_is_named(void **state)
{
    (void)state;
    static const char *const extra[] = {"fine", "("};
    struct cairn_site_rule *rule = NULL;
    struct cairn_error error;
    assert_int_equal(cairn_site_rule_new(true, extra, 2, &rule, &error), CAIRN_E_USAGE);
    assert_null(rule);
    assert_non_null(strstr(error.message, "'('"));
}

static void test_ids_tell_rules_apart(void **state)
{
    (void)state;
    static const char *const one[] = {"ab"}, *const two[] = {"a", "b"};
    uint64_t ids[5];
    struct cairn_site_rule *rule;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        assert_int_equal(cairn_site_rule_new(i % 2,
                                             i < 2   ? NULL
                                             : i < 4 ? one
                                                     : two,
                                             i < 2   ? 0
                                             : i < 4 ? 1
                                                     : 2,
                                             &rule, NULL),
                         CAIRN_OK);
        ids[i] = cairn_site_rule_id(rule);
        assert_true(ids[i] != 0);
        for (size_t j = 0; j < i; j++) {
            assert_true(ids[i] != ids[j]);
        }
        cairn_site_rule_free(rule);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *function, *name;
    } cases[] = {
        {.function = "a::b<c<d>, e>::f<g>(h) const", .name = "a::b::f"},
        {.function = "int (anonymous namespace)::f(int)", .name = "(anonymous namespace)::f"},
        {.function = "x::operator()(int) const", .name = "x::operator()"},
        {.function = "x::operator<< <int>(int)", .name = "x::operator<< "},
        {.function = "x::operator->() const", .name = "x::operator->"},
        {.function = "f.isra.0", .name = "f"},
        {.function = "f@@GLIBC_2.2.5", .name = "f"},
        {.function = "runtime.(*mcache).nextFree", .name = "runtime.(*mcache).nextFree"},
        {.function = "non-virtual thunk to A::b()", .name = "A::b"},
        {.function = "<a::B<C> as d::E>::f", .name = "<a::B<C> as d::E>::f"},
        {.function = "a<b<", .name = "a"},
        {.function = "a->b", .name = "a->b"},
    };
    char out[CAIRN_SITE_NAME_MAX];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cairn_site_name(out, cases[i].function);
        assert_string_equal(out, cases[i].name);
    }
}

static void test_long_names_are_cut(void **state)
{
    (void)state;
    char function[4000], out[CAIRN_SITE_NAME_MAX];
    memset(function, 'x', sizeof function - 1);
    function[sizeof function - 1] = '\0';
    assert_int_equal(cairn_site_name(out, function), CAIRN_SITE_NAME_MAX - 1);
    memcpy(function, "std::", 5);
    assert_true(skips(function));
}

#define NATIVE                                                                                               \
    {                                                                                                        \
        .lang = CAIRN_LANG_NATIVE                                                                            \
    }
#define SKIPPED                                                                                              \
    {                                                                                                        \
        .skipped = true, .lang = CAIRN_LANG_NATIVE                                                           \
    }
#define INTERPRETER                                                                                          \
    {                                                                                                        \
        .interpreter = true, .lang = CAIRN_LANG_NATIVE                                                       \
    }
#define PYTHON                                                                                               \
    {                                                                                                        \
        .lang = CAIRN_LANG_PYTHON                                                                            \
    }

static void test_choice(void **state)
{
    (void)state;
    const struct cairn_site_candidate plain[] = {SKIPPED, SKIPPED, NATIVE, NATIVE};
    assert_int_equal(cairn_site_rule_choose(plain, 4, false), 2);
    assert_int_equal(cairn_site_rule_choose(plain, 4, true), 2);
    assert_int_equal(cairn_site_rule_choose(plain, 2, false), 0);
    assert_int_equal(cairn_site_rule_choose(plain, 0, false), 0);
    /* The interpreter's own memory is the Python line's … */
    const struct cairn_site_candidate interpreter[] = {SKIPPED, INTERPRETER, INTERPRETER,
                                                       PYTHON,  INTERPRETER, PYTHON};
    assert_int_equal(cairn_site_rule_choose(interpreter, 6, false), 3);
    /* … or its own where no Python frame is known. */
    assert_int_equal(cairn_site_rule_choose(interpreter, 3, false), 1);
    /* An extension's is its C function's, unless Python is asked for. */
    const struct cairn_site_candidate extension[] = {SKIPPED, NATIVE, INTERPRETER, PYTHON};
    assert_int_equal(cairn_site_rule_choose(extension, 4, false), 1);
    assert_int_equal(cairn_site_rule_choose(extension, 4, true), 3);
    const struct cairn_site_candidate skipped_python[] = {
        INTERPRETER, {.skipped = true, .lang = CAIRN_LANG_PYTHON}, PYTHON};
    assert_int_equal(cairn_site_rule_choose(skipped_python, 3, false), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocators_and_containers_are_passed_over),
        cmocka_unit_test(test_the_programs_own_functions_are_charged),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_python_names_are_not_native_ones),
        cmocka_unit_test(test_users_expressions),
        cmocka_unit_test(test_a_bad_expression_is_named),
        cmocka_unit_test(test_ids_tell_rules_apart),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names_are_cut),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, make_builtin, free_builtin);
}
