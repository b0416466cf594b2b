/* A list of objects with its equal rows folded: "[*] ×41,230 → dict  12 MiB".
 *
 * Rows are equal when their edges have the same name, or are an index, a key or an offset of any value, and they lead to
 * objects of the same type and class. Folding looks at every link of the list, in the order of object numbers, so that each chunk of the
 * graph is decoded once: a million links take a few tens of milliseconds. A page of links alone is folded in less than one. */
#ifndef CAIRN_QUERY_OBJECT_FOLD_H
#define CAIRN_QUERY_OBJECT_FOLD_H

#include "query/objects.h"

struct cairn_fold_group {
    size_t first;    /* the link of its largest member: what a group is known by */
    int64_t count;   /* links */
    int64_t objects; /* distinct ones; the sums below count each once */
    int64_t shallow_bytes, retained_bytes;
    bool indexed; /* "[*]", "+*": names differ in their index, key or offset */
    struct cairn_link link;
    uint32_t type;
    int class; /* enum cairn_object_class */
};

struct cairn_fold {
    struct cairn_fold_group *groups; /* by retained size, then as their first links come */
    size_t group_count;
    size_t links, links_total;  /* looked at; in the list */
    struct cairn_link *members; /* the links, and of which group each is (an index into `groups`) */
    uint32_t *group_of;
};

/* Looks at the first `most` links (0: all). Release in every case of success. */
CAIRN_MUST_CHECK enum cairn_status cairn_fold_list(struct cairn_graph *graph, enum cairn_graph_links kind,
                                                   uint32_t list, size_t most, struct cairn_fold *fold,
                                                   struct cairn_error *error);
/* At most `limit` members (0: all) of a group as rows, from its member `offset` on. Release `objects`. */
CAIRN_MUST_CHECK enum cairn_status cairn_fold_members(struct cairn_graph *graph, enum cairn_graph_links kind,
                                                      const struct cairn_fold *fold, size_t group,
                                                      size_t offset, size_t limit,
                                                      struct cairn_objects *objects,
                                                      struct cairn_error *error);
/* The group whose first link has that number; SIZE_MAX: none. */
size_t cairn_fold_find(const struct cairn_fold *fold, size_t first);
void cairn_fold_release(struct cairn_fold *fold);

#endif
