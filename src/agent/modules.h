/* What is loaded where: MODULE and MODULE_GONE records, so that the collector can name the addresses in stack nodes.
 *
 * All modules of the start are told at once. Later ones are told when an address in them first appears in a node: that
 * catches what the C library loads by itself (name services, gconv), and needs nothing of dlopen. dlclose is hooked. */
#ifndef CAIRN_AGENT_MODULES_H
#define CAIRN_AGENT_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/ring_writer.h"

/* Tells every loaded module. With signals blocked, once a process. */
void cairn_modules_tell_all(struct cairn_ring_writer *writer);

/* cairn_nodes_notice of nodes.h: called before a NODE record is written that this ring has not had yet. Tells the module
 * that holds `address` where the collector does not know it. Cheap where it does (no lock, no system call). */
void cairn_modules_notice(uintptr_t address, struct cairn_ring_writer *writer);

/* After a dlclose: tells what is gone, and lets the stacks forget it (cairn_stacks_flush_rules). */
void cairn_modules_after_close(struct cairn_ring_writer *writer);

#endif
