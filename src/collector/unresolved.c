#include "collector/unresolved.h"

#include <stdlib.h>
#include <string.h>

#include "collector/table.h"

static bool append(void **array, size_t *capacity, size_t *count, const void *row, size_t size)
{
    char *grown = cairn_grown(*array, capacity, *count, size);
    if (!grown) {
        return false;
    }
    *array = grown;
    memcpy(grown + *count * size, row, size);
    (*count)++;
    return true;
}

/* A list of `unresolved` gets one more; names without memory stay unresolved, which the trace can bear. */
#define APPEND(list, row)                                                                                    \
    do {                                                                                                     \
        void *array_ = unresolved->list##s;                                                                  \
        if (append(&array_, &unresolved->list##_capacity, &unresolved->list##_count, (row),                  \
                   sizeof *(row))) {                                                                         \
            unresolved->list##s = array_;                                                                    \
        }                                                                                                    \
    } while (0)

static void see_module(struct cairn_unresolved *unresolved, const struct cairn_module *row)
{
    struct cairn_module own = *row;
    own.path = cairn_arena_copy(&unresolved->texts, row->path, strlen(row->path));
    own.build_id =
        row->build_id ? cairn_arena_copy(&unresolved->texts, row->build_id, strlen(row->build_id)) : NULL;
    if (own.path) {
        APPEND(module, &own);
    }
}

static void see_python_frame(struct cairn_unresolved *unresolved, const struct cairn_batch_python_frame *row)
{
    struct cairn_batch_python_frame own = *row;
    own.name = row->name ? cairn_arena_copy(&unresolved->texts, row->name, strlen(row->name)) : NULL;
    own.file = row->file ? cairn_arena_copy(&unresolved->texts, row->file, strlen(row->file)) : NULL;
    if (own.name && own.file) {
        APPEND(python_frame, &own);
    }
}

static void see_accounts(struct cairn_unresolved *unresolved, const struct cairn_batch_account_stacks *seen)
{
    for (size_t i = 0; i < seen->count; i++) {
        const struct cairn_account_site account = {.account = seen->first + (uint32_t)i,
                                                   .frame = seen->stacks[i]};
        APPEND(account, &account);
    }
}

void cairn_unresolved_see(struct cairn_unresolved *unresolved, const struct cairn_batch *batch)
{
    for (const struct cairn_batch_entry *entry = batch->first; entry; entry = entry->next) {
        if (entry->kind == CAIRN_BATCH_MODULE) {
            see_module(unresolved, &entry->of.module);
        } else if (entry->kind == CAIRN_BATCH_FRAME) {
            APPEND(frame, &entry->of.frame);
        } else if (entry->kind == CAIRN_BATCH_PYTHON_FRAME) {
            see_python_frame(unresolved, &entry->of.python_frame);
        } else if (entry->kind == CAIRN_BATCH_STACK) {
            APPEND(stack, &entry->of.stack);
        } else if (entry->kind == CAIRN_BATCH_ACCOUNT_STACKS) {
            see_accounts(unresolved, &entry->of.account_stacks);
        }
    }
}

bool cairn_unresolved_is_empty(const struct cairn_unresolved *unresolved)
{
    return unresolved->frame_count == 0 && unresolved->python_frame_count == 0 &&
           unresolved->stack_count == 0 && unresolved->account_count == 0 && unresolved->module_count == 0;
}

struct cairn_unresolved cairn_unresolved_take(struct cairn_unresolved *unresolved)
{
    const struct cairn_unresolved taken = *unresolved;
    *unresolved = (struct cairn_unresolved){.frames = NULL};
    return taken;
}

void cairn_unresolved_release(struct cairn_unresolved *unresolved)
{
    free(unresolved->frames);
    free(unresolved->python_frames);
    free(unresolved->stacks);
    free(unresolved->accounts);
    free(unresolved->modules);
    cairn_arena_release(&unresolved->texts);
    *unresolved = (struct cairn_unresolved){.frames = NULL};
}
