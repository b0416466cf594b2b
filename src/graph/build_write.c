/* Large graphs are encoded by two threads: the one that has the writer and a helper, whose part waits on a shelf. */
#include "graph/build_parts.h"

#define ROWS_A_STEP 1024u
/* Smaller graphs are not worth a thread: they are encoded in some 20 ms. */
#define MANY_OBJECTS 50000u

/* Objects and strings are about as much work as all lists and identities. */
static const enum cairn_build_stage stages_here[] = {CAIRN_BUILD_OBJECTS, CAIRN_BUILD_STRINGS,
                                                     CAIRN_BUILD_BY_CYCLE, CAIRN_BUILD_BY_ACCOUNT,
                                                     CAIRN_BUILD_LEAKS};
static const enum cairn_build_stage stages_there[] = {CAIRN_BUILD_REFERENTS, CAIRN_BUILD_REFERRERS,
                                                      CAIRN_BUILD_DOMINATED, CAIRN_BUILD_BY_TYPE,
                                                      CAIRN_BUILD_KEYS};

static uint32_t fewer(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void *help(void *state)
{
    struct cairn_graph_built *built = state;
    pthread_setname_np(pthread_self(), "cairn graph 2");
    while (cairn_build_shelve(&built->there) && !atomic_load_explicit(&built->stop, memory_order_relaxed)) {
    }
    return NULL;
}

/* Waits for the helper, where there is one. */
static void join_helper(struct cairn_graph_built *built)
{
    if (built->helped) {
        pthread_join(built->helper, NULL);
        built->helped = false;
    }
}

void cairn_build_stop_writing(struct cairn_graph_built *built)
{
    atomic_store_explicit(&built->stop, true, memory_order_relaxed);
    join_helper(built);
    cairn_build_hand_release(&built->here);
    cairn_build_hand_release(&built->there);
}

static struct cairn_build_hand new_hand(struct cairn_graph_built *built, const enum cairn_build_stage *stages,
                                        size_t stage_count)
{
    struct cairn_graph_shelf *shelf = cairn_graph_shelf_new(built->info.graph);
    return (struct cairn_build_hand){.built = built,
                                     .shelf = shelf,
                                     .stages = stages,
                                     .stage_count = stage_count,
                                     .status = shelf ? CAIRN_OK : CAIRN_E_NOMEM};
}

static void begin(struct cairn_graph_built *built)
{
    built->here = new_hand(built, stages_here, sizeof stages_here / sizeof *stages_here);
    built->there = new_hand(built, stages_there, sizeof stages_there / sizeof *stages_there);
    built->helped = built->info.objects >= MANY_OBJECTS && built->there.status == CAIRN_OK &&
                    pthread_create(&built->helper, NULL, help, built) == 0;
}

/* Each writes what of its phase comes next and returns whether more is left. */

static bool write_types(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    const uint32_t end = built->at + fewer(ROWS_A_STEP, built->info.types - built->at);
    for (; built->at < end; built->at++) {
        cairn_writer_graph_type(writer, built->info.graph, &built->types[built->at]);
    }
    return built->at < built->info.types;
}

static bool write_roots(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    const uint32_t end = built->at + fewer(ROWS_A_STEP, built->info.roots - built->at);
    for (; built->at < end; built->at++) {
        const struct cairn_graph_root *root = &built->roots[built->at];
        const struct cairn_graph_root_row row = {.root = built->at,
                                                 .object = root->node,
                                                 .kind = built->strings[root->kind],
                                                 .name = built->strings[root->name]};
        cairn_writer_graph_root(writer, built->info.graph, &row);
    }
    return built->at < built->info.roots;
}

static bool write_accounts(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    const uint32_t count = (uint32_t)built->account_count;
    const uint32_t end = built->at + fewer(ROWS_A_STEP, count - built->at);
    for (; built->at < end; built->at++) {
        cairn_writer_graph_account(writer, built->info.graph, &built->accounts[built->at]);
    }
    return built->at < count;
}

/* One chunk, encoded and written, or what is left on the shelf. */
static bool write_blobs(struct cairn_build_hand *hand, struct cairn_writer *writer)
{
    const bool more = cairn_build_shelve(hand);
    return (hand->shelf && cairn_writer_graph_shelved(writer, hand->shelf)) || more;
}

static bool write_phase(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    switch (built->phase) {
    case CAIRN_WRITE_TYPES:
        return write_types(built, writer);
    case CAIRN_WRITE_ROOTS:
        return write_roots(built, writer);
    case CAIRN_WRITE_ACCOUNTS:
        return write_accounts(built, writer);
    case CAIRN_WRITE_HERE:
        return write_blobs(&built->here, writer);
    case CAIRN_WRITE_THERE:
        join_helper(built);
        return write_blobs(&built->there, writer);
    case CAIRN_WRITE_GRAPH:
        cairn_writer_graph(writer, &built->info);
        return false;
    default:
        return false;
    }
}

bool cairn_graph_built_write(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    if (!built->here.built) {
        begin(built);
    }
    if (built->phase == CAIRN_WRITE_DONE || built->here.status != CAIRN_OK) {
        return false;
    }
    if (!write_phase(built, writer)) {
        built->phase++;
        built->at = 0;
    }
    return built->phase != CAIRN_WRITE_DONE && cairn_graph_built_status(built) == CAIRN_OK;
}

enum cairn_status cairn_graph_built_status(const struct cairn_graph_built *built)
{
    if (built->here.status != CAIRN_OK || built->helped) {
        return built->here.status;
    }
    return built->there.status;
}
