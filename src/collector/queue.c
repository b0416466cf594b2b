#include "collector/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

bool cairn_queue_init(struct cairn_queue *queue, size_t capacity)
{
    *queue = (struct cairn_queue){.items = malloc(capacity * sizeof *queue->items), .capacity = capacity};
    if (!queue->items) {
        return false;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return true;
}

void cairn_queue_release(struct cairn_queue *queue)
{
    if (queue->items) {
        pthread_cond_destroy(&queue->changed);
        pthread_mutex_destroy(&queue->lock);
        free(queue->items);
        queue->items = NULL;
    }
}

/* Waits for room for one more, the queue locked. */
static void await_room(struct cairn_queue *queue)
{
    while (queue->count == queue->capacity) {
        pthread_cond_wait(&queue->changed, &queue->lock);
    }
    queue->count++;
}

/* Unlocks, and then wakes who waits: awake, it would only wait for the lock. */
static void tell(struct cairn_queue *queue)
{
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_broadcast(&queue->changed);
}

void cairn_queue_push(struct cairn_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    await_room(queue);
    queue->items[(queue->first + queue->count - 1) % queue->capacity] = item;
    tell(queue);
}

void cairn_queue_push_first(struct cairn_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    await_room(queue);
    queue->first = (queue->first + queue->capacity - 1) % queue->capacity;
    queue->items[queue->first] = item;
    tell(queue);
}

static void *take_first(struct cairn_queue *queue)
{
    void *item = queue->items[queue->first];
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
    return item;
}

void *cairn_queue_pop(struct cairn_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0) {
        pthread_cond_wait(&queue->changed, &queue->lock);
    }
    void *item = take_first(queue);
    tell(queue);
    return item;
}

void *cairn_queue_pop_within(struct cairn_queue *queue, int64_t wait_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ns / 1000000000;
    until.tv_nsec += wait_ns % 1000000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&queue->lock);
    int waited = 0;
    while (queue->count == 0 && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
    }
    void *item = queue->count ? take_first(queue) : NULL;
    tell(queue);
    return item;
}
