#include "collector/native_frames.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/dwarf_room.h"
#include "collector/table.h"

#define DEPTH_MAX 1000u /* frames of one thread */
#define WORD      sizeof(uint64_t)
#define MACHINE_REGISTERS                                                                                    \
    17u /* rax rdx rcx rbx rsi rdi rbp rsp r8…r15 and the return address, as DWARF numbers them */

enum { RBX = 3, RBP = 6, RSP = 7, R12 = 12, R15 = 15, RIP = 16 };

struct walk {
    struct cairn_native_frames *frames;
    struct cairn_image_memory *memory;
    const struct cairn_native_threads *threads;
    size_t thread;        /* the one that is walked */
    uint64_t code, stack; /* of the frame before */
    size_t depth;         /* frames seen */
};

/* --- What libdw asks for --- */

static pid_t next_thread(Dwfl *dwfl, void *state, void **thread)
{
    (void)dwfl;
    (void)state;
    (void)thread;
    return 0; /* each is asked for by its number */
}

static bool get_thread(Dwfl *dwfl, pid_t number, void *state, void **thread)
{
    (void)dwfl;
    (void)number;
    *thread = state;
    return true;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word, void *state)
{
    (void)dwfl;
    const struct walk *walk = state;
    const uint8_t *content;
    size_t bytes;
    cairn_image_memory_at(walk->memory, address, address + WORD, &content, &bytes);
    if (bytes < WORD) {
        return false;
    }
    *word = 0;
    if (content) {
        memcpy(word, content, WORD);
    }
    return true;
}

/* The thread that asked called the agent: its registers are those behind that call's return. */
static void registers_of_asker(const struct walk *walk, const struct cairn_native_thread *thread,
                               Dwarf_Word *registers)
{
    const uint64_t saved_rbp = thread->stack + (CAIRN_SESSION_IMAGE_REGISTERS - 1) * WORD;
    registers[RBX] = cairn_image_memory_word(walk->memory, thread->stack);
    for (uint64_t i = R12; i <= R15; i++) {
        registers[i] = cairn_image_memory_word(walk->memory, thread->stack + (i - R12 + 1) * WORD);
    }
    registers[RBP] = cairn_image_memory_word(walk->memory, saved_rbp);
    registers[RIP] = cairn_image_memory_word(walk->memory, saved_rbp + WORD);
    registers[RSP] = saved_rbp + 2 * WORD;
}

static bool set_registers(Dwfl_Thread *thread, void *state)
{
    /* The order of cairn_held_register_name(), by DWARF's numbers. */
    static const uint8_t held_as[] = {0, RBX, 2, 1, 4, 5, RBP, RSP, 8, 9, 10, 11, R12, 13, 14, R15};
    const struct walk *walk = state;
    const struct cairn_native_thread *known = &walk->threads->list[walk->thread];
    Dwarf_Word registers[MACHINE_REGISTERS] = {0};
    if (known->saves_registers) {
        registers_of_asker(walk, known, registers);
    } else {
        for (size_t i = 0; i < sizeof held_as; i++) {
            registers[held_as[i]] = known->registers[i];
        }
        registers[RIP] = known->code;
    }
    dwfl_thread_state_register_pc(thread, registers[RIP]);
    return dwfl_thread_state_registers(thread, 0, MACHINE_REGISTERS, registers);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {.next_thread = next_thread,
                                                       .get_thread = get_thread,
                                                       .memory_read = read_word,
                                                       .set_initial_registers = set_registers};

static int find_nothing(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
                        const char *link, GElf_Word checksum, char **found)
{
    (void)module;
    (void)user;
    (void)name;
    (void)base;
    (void)file;
    (void)link;
    (void)checksum;
    (void)found;
    return -1; /* what is mapped at run time suffices for frames */
}

static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                         .find_debuginfo = find_nothing};

/* --- Frames --- */

static void add(struct walk *walk, uint64_t high)
{
    struct cairn_native_frames *frames = walk->frames;
    struct cairn_native_frame *list =
        cairn_grown(frames->list, &frames->capacity, frames->count, sizeof *list);
    if (list) {
        frames->list = list;
        list[frames->count++] =
            (struct cairn_native_frame){.low = walk->stack, .high = high, .code = walk->code};
    }
}

static int take_frame(Dwfl_Frame *frame, void *state)
{
    struct walk *walk = state;
    Dwarf_Addr code;
    Dwarf_Word stack;
    bool is_exact;
    if (!dwfl_frame_pc(frame, &code, &is_exact) || dwfl_frame_reg(frame, RSP, &stack) != 0 ||
        walk->depth++ == DEPTH_MAX) {
        return DWARF_CB_ABORT;
    }
    if (walk->depth == 1) {
        stack -= walk->threads->list[walk->thread].saves_registers ? 0 : CAIRN_RED_ZONE_BYTES;
    } else {
        if (stack <= walk->stack) { /* another stack, or nonsense */
            return DWARF_CB_ABORT;
        }
        add(walk, stack);
    }
    walk->code = is_exact || code == 0 ? code : code - 1;
    walk->stack = stack;
    return code ? DWARF_CB_OK : DWARF_CB_ABORT;
}

static void report_modules(Dwfl *dwfl, const struct cairn_native_modules *modules)
{
    dwfl_report_begin(dwfl);
    for (size_t i = 0; i < modules->count; i++) {
        struct cairn_native_module *module = &modules->modules[i];
        const uint64_t bias = cairn_native_module_bias(module);
        const int fd = module->file.elf ? open(module->path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0 && !dwfl_report_elf(dwfl, module->name, module->path, fd, bias, true)) {
            close(fd);
        }
    }
    dwfl_report_end(dwfl, NULL, NULL);
}

static int by_address(const void *a, const void *b)
{
    const struct cairn_native_frame *left = a, *right = b;
    return (left->low > right->low) - (left->low < right->low);
}

void cairn_native_frames_find(struct cairn_native_frames *frames, struct cairn_image_memory *memory,
                              const struct cairn_native_modules *modules,
                              const struct cairn_native_threads *threads)
{
    *frames = (struct cairn_native_frames){.list = NULL};
    Dwfl *dwfl = cairn_dwarf_room() ? dwfl_begin(&callbacks) : NULL;
    if (!dwfl) {
        return;
    }
    report_modules(dwfl, modules);
    struct walk walk = {.frames = frames, .memory = memory, .threads = threads};
    if (dwfl_attach_state(dwfl, NULL, memory->pid, &thread_callbacks, &walk)) {
        for (size_t i = 0; i < threads->count && cairn_dwarf_room(); i++) {
            if (threads->list[i].saves_registers || threads->list[i].registers) {
                walk.thread = i;
                walk.depth = 0;
                dwfl_getthread_frames(dwfl, (pid_t)i + 1, take_frame, &walk);
            }
        }
    }
    dwfl_end(dwfl);
    if (frames->count) {
        qsort(frames->list, frames->count, sizeof *frames->list, by_address);
    }
}

void cairn_native_frames_release(struct cairn_native_frames *frames)
{
    free(frames->list);
    *frames = (struct cairn_native_frames){.list = NULL};
}

const struct cairn_native_frame *cairn_native_frames_at(const struct cairn_native_frames *frames,
                                                        uint64_t address)
{
    size_t low = 0, high = frames->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (frames->list[middle].high <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < frames->count && frames->list[low].low <= address ? &frames->list[low] : NULL;
}
