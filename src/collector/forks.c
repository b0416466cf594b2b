/* What a forked child inherits: the books of its parent as they were at the fork. */
#include <stdlib.h>

#include "collector/recorder.h"

#define MAX_FORK_IMAGES 256u

void cairn_fork_image_free(struct cairn_fork_image *image)
{
    cairn_ledger_image_free(&image->ledger);
    cairn_code_map_free(image->code);
    free(image);
}

/* Unlinks the image of that fork; NULL when there is none. */
static struct cairn_fork_image *take_image(struct cairn_target *target, uint64_t serial)
{
    for (struct cairn_fork_image **at = &target->images; *at; at = &(*at)->next) {
        if ((*at)->serial == serial) {
            struct cairn_fork_image *image = *at;
            *at = image->next;
            return image;
        }
    }
    return NULL;
}

/* Its age counts from now: what the record says may be rubbish, from a time that never comes. */
static struct cairn_fork_image *make_image(struct cairn_recorder *recorder, struct cairn_target *target,
                                           uint64_t serial)
{
    struct cairn_fork_image *image = calloc(1, sizeof *image);
    if (!image || !cairn_ledger_fork(recorder->ledger, target->ledger, &image->ledger)) {
        free(image);
        return NULL;
    }
    image->serial = serial;
    image->t_ns = cairn_clock_elapsed_ns(&recorder->clock);
    image->code = cairn_code_map_share(target->code);
    return image;
}

bool cairn_recorder_inherit(struct cairn_recorder *recorder, struct cairn_target *child,
                            struct cairn_target *parent, uint64_t serial)
{
    /* A raw clone was not announced: its child inherits what its parent has now. */
    struct cairn_fork_image *image =
        serial != 0 ? take_image(parent, serial) : make_image(recorder, parent, 0);
    if (!image) {
        return false;
    }
    cairn_ledger_inherit(recorder->ledger, child->ledger, &image->ledger);
    cairn_code_map_free(child->code);
    child->code = image->code;
    image->code = NULL;
    cairn_target_code_changed(child);
    if (!child->python_version && parent->python_version) {
        cairn_recorder_python_version(recorder, child, parent->python_version);
    }
    cairn_fork_image_free(image);
    return true;
}

static void drop_oldest_image(struct cairn_target *target)
{
    size_t count = 0;
    struct cairn_fork_image **last = NULL;
    for (struct cairn_fork_image **at = &target->images; *at; at = &(*at)->next) {
        count++;
        last = at;
    }
    if (count > MAX_FORK_IMAGES) {
        struct cairn_fork_image *oldest = *last;
        *last = NULL;
        cairn_fork_image_free(oldest);
    }
}

void cairn_recorder_fork(struct cairn_recorder *recorder, struct cairn_target *target, uint64_t serial)
{
    struct cairn_fork_image *image = make_image(recorder, target, serial);
    if (!image) {
        return;
    }
    image->next = target->images;
    target->images = image;
    drop_oldest_image(target);
    for (size_t i = 0; i < recorder->target_count; i++) {
        struct cairn_target *child = recorder->targets[i];
        if (child->awaits_fork && child->fork_parent == target->number && child->fork_serial == serial) {
            child->awaits_fork = false;
            cairn_recorder_inherit(recorder, child, target, serial);
            return;
        }
    }
}

void cairn_recorder_fork_done(struct cairn_target *target, uint64_t serial, pid_t child)
{
    if (child == 0) {
        struct cairn_fork_image *image = take_image(target, serial);
        if (image) {
            cairn_fork_image_free(image);
        }
        return;
    }
    for (struct cairn_fork_image *image = target->images; image; image = image->next) {
        if (image->serial == serial) {
            image->child = child;
        }
    }
}
