/* A bounded queue of pointers between threads: pushing waits while it is full, popping while it is empty. */
#ifndef CAIRN_COLLECTOR_QUEUE_H
#define CAIRN_COLLECTOR_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cairn_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void **items;
    size_t capacity, count, first;
};

/* False when memory ran out. */
bool cairn_queue_init(struct cairn_queue *queue, size_t capacity);
/* Nobody may wait on it any more. */
void cairn_queue_release(struct cairn_queue *queue);
void cairn_queue_push(struct cairn_queue *queue, void *item);
/* To be popped before all others. */
void cairn_queue_push_first(struct cairn_queue *queue, void *item);
void *cairn_queue_pop(struct cairn_queue *queue);
/* As pop, but NULL after `wait_ns` without an item. */
void *cairn_queue_pop_within(struct cairn_queue *queue, int64_t wait_ns);

#endif
