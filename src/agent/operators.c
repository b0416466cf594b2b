#include "agent/operators.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/heap_event.h"
#include "agent/linkage.h"
#include "agent/real.h"

/* All forms of them, by their names in the Itanium C++ ABI. Beyond the first argument they take a size, an alignment or a
 * reference to std::nothrow: at most two words, which are handed on whatever they are. */
#define NEW_OPERATORS(X)                                                                                     \
    X(_Znwm)                                                                                                 \
    X(_Znam)                                                                                                 \
    X(_ZnwmRKSt9nothrow_t)                                                                                   \
    X(_ZnamRKSt9nothrow_t)                                                                                   \
    X(_ZnwmSt11align_val_t)                                                                                  \
    X(_ZnamSt11align_val_t)                                                                                  \
    X(_ZnwmSt11align_val_tRKSt9nothrow_t)                                                                    \
    X(_ZnamSt11align_val_tRKSt9nothrow_t)
#define DELETE_OPERATORS(X)                                                                                  \
    X(_ZdlPv)                                                                                                \
    X(_ZdaPv)                                                                                                \
    X(_ZdlPvm)                                                                                               \
    X(_ZdaPvm)                                                                                               \
    X(_ZdlPvRKSt9nothrow_t)                                                                                  \
    X(_ZdaPvRKSt9nothrow_t)                                                                                  \
    X(_ZdlPvSt11align_val_t)                                                                                 \
    X(_ZdaPvSt11align_val_t)                                                                                 \
    X(_ZdlPvmSt11align_val_t)                                                                                \
    X(_ZdaPvmSt11align_val_t)                                                                                \
    X(_ZdlPvSt11align_val_tRKSt9nothrow_t)                                                                   \
    X(_ZdaPvSt11align_val_tRKSt9nothrow_t)

typedef void *new_function(size_t, uintptr_t, uintptr_t);
typedef void delete_function(void *, uintptr_t, uintptr_t);

enum operator_number {
#define NUMBER(name) NUMBER##name,
    NEW_OPERATORS(NUMBER) DELETE_OPERATORS(NUMBER)
#undef NUMBER
        OPERATORS
};

/* The allocator's, NULL where it has none of that form. */
static void *real_operators[OPERATORS];
static bool taken_over;

#define NEW_HOOK(name)                                                                                       \
    static void *hook##name(size_t size, uintptr_t second, uintptr_t third)                                  \
    {                                                                                                        \
        const struct cairn_registers at = CAIRN_CALLER();                                                    \
        void *block = ((new_function *)real_operators[NUMBER##name])(size, second, third);                   \
        if (block) {                                                                                         \
            cairn_heap_new(block, size, CAIRN_DOMAIN_MALLOC, &at);                                           \
        }                                                                                                    \
        return block;                                                                                        \
    }
NEW_OPERATORS(NEW_HOOK)
#undef NEW_HOOK

#define DELETE_HOOK(name)                                                                                    \
    static void hook##name(void *block, uintptr_t second, uintptr_t third)                                   \
    {                                                                                                        \
        if (block) {                                                                                         \
            cairn_heap_gone(block, CAIRN_DOMAIN_MALLOC, 0, CAIRN_FRAME());                                   \
        }                                                                                                    \
        ((delete_function *)real_operators[NUMBER##name])(block, second, third);                             \
        /* No jump: where the allocator goes on to the public free, that must seem called from here. */      \
        __asm__ volatile("");                                                                                \
    }
DELETE_OPERATORS(DELETE_HOOK)
#undef DELETE_HOOK

static const struct {
    const char *name;
    void *hook;
} operators[OPERATORS] = {
#define ENTRY(name) {#name, (void *)hook##name},
    NEW_OPERATORS(ENTRY) DELETE_OPERATORS(ENTRY)
#undef ENTRY
};

static int operator_of(const char *name)
{
    if (name[0] != '_' || name[1] != 'Z' || (name[2] != 'n' && name[2] != 'd')) {
        return -1;
    }
    for (int i = 0; i < OPERATORS; i++) {
        if (real_operators[i] && strcmp(operators[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Slots that are bound to the allocator's operator, or not bound yet; one that was bound to another definition stays. */
static void bind_module(const struct cairn_linkage *linkage)
{
    struct cairn_slot slot;
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; linkage->relocations[table] && i < linkage->counts[table]; i++) {
            const int number = cairn_linkage_slot(linkage, table, i, &slot) ? operator_of(slot.name) : -1;
            if (number < 0) {
                continue;
            }
            const void *value = cairn_slot_value(&slot);
            if (value == real_operators[number] ||
                (slot.type == R_X86_64_JUMP_SLOT && value != operators[number].hook)) {
                cairn_linkage_write(linkage, &slot, operators[number].hook);
            }
        }
    }
}

static int visit_module(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    struct cairn_linkage linkage;
    const uintptr_t inside = (uintptr_t)info->dlpi_phdr;
    /* The allocator's own calls are none of the program's. */
    if (!cairn_real_is_allocator(inside) && cairn_linkage_read(info, &linkage)) {
        bind_module(&linkage);
    }
    return 0;
}

void cairn_operators_take_over(void)
{
    for (int i = 0; cairn_real.allocator.bytes > 0 && i < OPERATORS; i++) {
        void *found = dlsym(RTLD_DEFAULT, operators[i].name);
        if (found && cairn_real_is_allocator((uintptr_t)found)) {
            real_operators[i] = found;
            taken_over = true;
        }
    }
    cairn_operators_bind();
}

void cairn_operators_bind(void)
{
    if (taken_over) {
        dl_iterate_phdr(visit_module, NULL);
    }
}

void *cairn_operators_real(const char *name)
{
    const int number = taken_over ? operator_of(name) : -1;
    return number < 0 ? NULL : real_operators[number];
}
