#include "query/site_map.h"

#include <stdlib.h>

#include "query/charge.h"
#include "query/grow.h"
#include "query/no_memory.h"
#include "query/places.h"

#define LEFT_OUT (UINT32_MAX - 1) /* in builder.cells: known, and not of the language asked for */

/* Grows while accounts are read. */
struct builder {
    struct cairn_trace *trace;
    const struct cairn_selection *selection;
    struct cairn_site_map *map;
    struct cairn_charge charge;
    struct cairn_places places; /* groupings by place */
    struct cairn_key_map cells; /* key of a cell → cell */
    struct cairn_key_map rows;  /* stack, thread, type or process → site */
    size_t cell_capacity, list_count, list_capacity, site_capacity;
    uint32_t *seen; /* cumulative: by place, the last cell + 1 that lists it */
    size_t seen_capacity;
    struct cairn_error *error;
};

struct cairn_site_map_key cairn_site_map_key_of(const struct cairn_selection *selection)
{
    const bool by_place = selection->by == CAIRN_BY_FUNCTION || selection->by == CAIRN_BY_LINE ||
                          selection->by == CAIRN_BY_FILE || selection->by == CAIRN_BY_MODULE;
    return (struct cairn_site_map_key){
        .by = selection->by,
        .lang = selection->lang,
        .cumulative = selection->cumulative && by_place,
        .rule_id = selection->rule ? cairn_site_rule_id(selection->rule) : 0,
    };
}

bool cairn_site_map_key_equal(const struct cairn_site_map_key *a, const struct cairn_site_map_key *b)
{
    return a->by == b->by && a->lang == b->lang && a->cumulative == b->cumulative && a->rule_id == b->rule_id;
}

void cairn_site_map_free(struct cairn_site_map *map)
{
    if (!map) {
        return;
    }
    free(map->cell_of);
    free(map->cell_stack);
    free(map->cell_frame);
    free(map->cell_first);
    free(map->cell_sites);
    free(map->sites);
    cairn_account_types_release(&map->types);
    free(map);
}

size_t cairn_site_map_find(const struct cairn_site_map *map, int64_t site_id)
{
    for (size_t i = 0; i < map->site_count; i++) {
        if (map->sites[i].site_id == site_id) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* Room for one cell more, and for the offset behind it. */
static bool reserve_cell(struct builder *builder)
{
    struct cairn_site_map *map = builder->map;
    const size_t needed = map->cell_count + 2;
    size_t capacity = builder->cell_capacity;
    void *stacks = cairn_grow(map->cell_stack, sizeof(*map->cell_stack), needed, &capacity);
    map->cell_stack = stacks ? stacks : map->cell_stack;
    capacity = builder->cell_capacity;
    void *frames = cairn_grow(map->cell_frame, sizeof(*map->cell_frame), needed, &capacity);
    map->cell_frame = frames ? frames : map->cell_frame;
    capacity = builder->cell_capacity;
    void *firsts = cairn_grow(map->cell_first, sizeof(*map->cell_first), needed, &capacity);
    map->cell_first = firsts ? firsts : map->cell_first;
    if (!stacks || !frames || !firsts) {
        return false;
    }
    builder->cell_capacity = capacity;
    return true;
}

/* The cell lists one site more. */
static bool list_site(struct builder *builder, uint32_t site)
{
    struct cairn_site_map *map = builder->map;
    uint32_t *sites =
        cairn_grow(map->cell_sites, sizeof(*sites), builder->list_count + 1, &builder->list_capacity);
    if (!sites) {
        return false;
    }
    map->cell_sites = sites;
    map->cell_sites[builder->list_count++] = site;
    return true;
}

static bool list_place(struct builder *builder, const struct cairn_frame *frame)
{
    const uint32_t place = cairn_places_of(&builder->places, frame);
    if (place == CAIRN_KEY_MAP_NONE) {
        return false;
    }
    if (builder->map->key.cumulative) {
        const size_t old = builder->seen_capacity;
        uint32_t *seen = cairn_grow(builder->seen, sizeof(*seen), (size_t)place + 1, &builder->seen_capacity);
        if (!seen) {
            return false;
        }
        builder->seen = seen;
        for (size_t i = old; i < builder->seen_capacity; i++) {
            builder->seen[i] = 0;
        }
        const uint32_t mark = (uint32_t)builder->map->cell_count + 1;
        if (builder->seen[place] == mark) {
            return true;
        }
        builder->seen[place] = mark;
    }
    return list_site(builder, place);
}

/* Every place on the stack once; the marks of cut stacks are no places. */
static enum cairn_status list_path(struct builder *builder, const struct cairn_account *account,
                                   bool *selected)
{
    size_t first;
    const enum cairn_status status =
        cairn_charge_path(&builder->charge, account, &first, selected, builder->error);
    if (status != CAIRN_OK || !*selected) {
        return status;
    }
    const struct cairn_stack_frames *walk = &builder->charge.walk;
    if (walk->count == 0) {
        return list_place(builder, NULL) ? CAIRN_OK : cairn_no_memory(builder->error, "the sites");
    }
    for (size_t i = first; i < walk->count; i++) {
        if ((i == first || walk->frames[i]->kind == CAIRN_FRAME_PLAIN) &&
            !list_place(builder, walk->frames[i])) {
            return cairn_no_memory(builder->error, "the sites");
        }
    }
    return CAIRN_OK;
}

static int compare_thread(const void *key, const void *row)
{
    const uint32_t number = *(const uint32_t *)key, its = ((const struct cairn_thread *)row)->thread;
    return (number > its) - (number < its);
}

static const struct cairn_thread *find_thread(struct builder *builder, uint32_t number)
{
    const struct cairn_thread *rows;
    size_t count;
    if (cairn_trace_threads(builder->trace, &rows, &count, NULL) != CAIRN_OK || count == 0) {
        return NULL;
    }
    return bsearch(&number, rows, count, sizeof(*rows), compare_thread);
}

static int compare_process(const void *key, const void *row)
{
    const uint32_t number = *(const uint32_t *)key, its = ((const struct cairn_process *)row)->process;
    return (number > its) - (number < its);
}

static const struct cairn_process *find_process(struct builder *builder, uint32_t number)
{
    const struct cairn_process *rows;
    size_t count;
    if (cairn_trace_processes(builder->trace, &rows, &count, NULL) != CAIRN_OK || count == 0) {
        return NULL;
    }
    return bsearch(&number, rows, count, sizeof(*rows), compare_process);
}

static uint32_t type_of(const struct builder *builder, const struct cairn_account *account)
{
    const struct cairn_account_types *types = &builder->map->types;
    return account->account - 1u < types->account_count ? types->of[account->account - 1] : 0;
}

/* What tells the rows of the groupings that have one number a row. */
static uint32_t row_number(const struct builder *builder, const struct cairn_account *account)
{
    switch (builder->map->key.by) {
    case CAIRN_BY_STACK:
        return account->stack;
    case CAIRN_BY_THREAD:
        return account->thread;
    case CAIRN_BY_TYPE:
        return type_of(builder, account);
    default:
        return account->process;
    }
}

static void name_row(struct builder *builder, const struct cairn_account *account,
                     const struct cairn_frame *frame, struct cairn_site *site)
{
    if (builder->map->key.by == CAIRN_BY_STACK) {
        cairn_site_of_frame(builder->trace, frame, site);
        return;
    }
    *site = (struct cairn_site){.line = CAIRN_UNKNOWN, .offset = CAIRN_UNKNOWN, .lang = -1};
    if (builder->map->key.by == CAIRN_BY_THREAD) {
        const struct cairn_thread *thread = find_thread(builder, account->thread);
        site->thread = account->thread;
        site->tid = thread ? thread->tid : CAIRN_UNKNOWN;
        site->process_apart = account->process;
        site->thread_name = thread ? thread->name : NULL;
    } else if (builder->map->key.by == CAIRN_BY_TYPE) {
        const struct cairn_account_types *types = &builder->map->types;
        const uint32_t type = type_of(builder, account);
        site->type = type != 0 ? types->rows[type - 1].name : NULL;
        site->lang = type != 0 ? types->rows[type - 1].lang : -1;
    } else {
        const struct cairn_process *process = find_process(builder, account->process);
        site->process = account->process;
        site->tid = process ? process->pid : CAIRN_UNKNOWN;
        site->process_apart = account->process;
        site->process_name = process ? process->program : NULL;
    }
}

/* Rows by stack, thread, type and process: the number itself is the site's. */
static bool list_row(struct builder *builder, const struct cairn_account *account,
                     const struct cairn_frame *frame)
{
    struct cairn_site_map *map = builder->map;
    const uint32_t number = row_number(builder, account);
    const uint32_t site = cairn_key_map_add(&builder->rows, number, (uint32_t)map->site_count);
    if (site == CAIRN_KEY_MAP_NONE) {
        return false;
    }
    if (site == map->site_count) {
        struct cairn_site *sites =
            cairn_grow(map->sites, sizeof(*sites), map->site_count + 1, &builder->site_capacity);
        if (!sites) {
            return false;
        }
        map->sites = sites;
        name_row(builder, account, frame, &map->sites[site]);
        map->sites[site].site_id = number;
        map->site_count++;
    }
    return list_site(builder, site);
}

/* Threads and processes keep their process's number where their ID alone does not tell them apart. */
static bool keep_apart(struct cairn_site_map *map)
{
    if (map->key.by != CAIRN_BY_THREAD && map->key.by != CAIRN_BY_PROCESS) {
        return true;
    }
    struct cairn_key_map first = {.slots = NULL};
    bool *shared = calloc(map->site_count + 1, sizeof(*shared));
    bool done = shared != NULL;
    for (size_t i = 0; done && i < map->site_count; i++) {
        const uint32_t before = cairn_key_map_add(&first, (uint64_t)map->sites[i].tid, (uint32_t)i);
        done = before != CAIRN_KEY_MAP_NONE;
        if (done && before != i) {
            shared[before] = shared[i] = true;
        }
    }
    for (size_t i = 0; done && i < map->site_count; i++) {
        map->sites[i].process_apart = shared[i] ? map->sites[i].process_apart : 0;
    }
    cairn_key_map_release(&first);
    free(shared);
    return done;
}

static bool by_place(const struct builder *builder)
{
    const enum cairn_by by = builder->map->key.by;
    return by == CAIRN_BY_FUNCTION || by == CAIRN_BY_LINE || by == CAIRN_BY_FILE || by == CAIRN_BY_MODULE;
}

/* Makes the next cell, for an account of a kind not met before. `*selected`: it is of the language asked for. */
static enum cairn_status add_cell(struct builder *builder, const struct cairn_account *account,
                                  bool *selected)
{
    const struct cairn_frame *frame;
    struct cairn_site_map *map = builder->map;
    enum cairn_status status =
        cairn_charge_frame(&builder->charge, account, &frame, selected, builder->error);
    if (status != CAIRN_OK || !*selected) {
        return status;
    }
    if (!reserve_cell(builder)) {
        return cairn_no_memory(builder->error, "the sites");
    }
    map->cell_first[map->cell_count] = builder->list_count;
    map->cell_stack[map->cell_count] = account->stack;
    map->cell_frame[map->cell_count] = frame ? frame->frame : 0;
    if (map->key.cumulative) {
        status = list_path(builder, account, selected);
    } else if (by_place(builder)) {
        status = list_place(builder, frame) ? CAIRN_OK : cairn_no_memory(builder->error, "the sites");
    } else {
        status = list_row(builder, account, frame) ? CAIRN_OK : cairn_no_memory(builder->error, "the sites");
    }
    map->cell_count++;
    map->cell_first[map->cell_count] = builder->list_count;
    return status;
}

static uint64_t cell_key(const struct builder *builder, const struct cairn_account *account)
{
    const enum cairn_by by = builder->map->key.by;
    const bool apart = by == CAIRN_BY_THREAD || by == CAIRN_BY_PROCESS || by == CAIRN_BY_TYPE;
    const uint64_t other = apart ? row_number(builder, account) : 0;
    return other << 32 | account->stack;
}

static enum cairn_status map_account(struct builder *builder, const struct cairn_account *account,
                                     uint32_t *cell)
{
    const uint64_t key = cell_key(builder, account);
    *cell = cairn_key_map_get(&builder->cells, key);
    if (*cell != CAIRN_KEY_MAP_NONE) {
        *cell = *cell == LEFT_OUT ? CAIRN_NO_CELL : *cell;
        return CAIRN_OK;
    }
    bool selected;
    const uint32_t made = (uint32_t)builder->map->cell_count;
    const enum cairn_status status = add_cell(builder, account, &selected);
    if (status != CAIRN_OK) {
        return status;
    }
    *cell = selected ? made : CAIRN_NO_CELL;
    return cairn_key_map_set(&builder->cells, key, selected ? made : LEFT_OUT)
               ? CAIRN_OK
               : cairn_no_memory(builder->error, "the sites");
}

static enum cairn_status build(struct builder *builder)
{
    const struct cairn_account *accounts;
    size_t count;
    enum cairn_status status = cairn_trace_accounts(builder->trace, &accounts, &count, builder->error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_site_map *map = builder->map;
    map->account_count = count;
    map->cell_of = malloc((count + 1) * sizeof(*map->cell_of));
    if (!map->cell_of || !reserve_cell(builder)) {
        return cairn_no_memory(builder->error, "the sites");
    }
    map->cell_first[0] = 0;
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        status = map_account(builder, &accounts[i], &map->cell_of[i]);
        if (status == CAIRN_OK && i % 1024 == 0 && cairn_trace_cancelled(builder->trace)) {
            status = cairn_fail(builder->error, CAIRN_E_CANCELLED, "cancelled");
        }
    }
    if (status == CAIRN_OK && by_place(builder)) {
        map->sites = builder->places.sites;
        map->site_count = builder->places.count;
        builder->places.sites = NULL;
    } else if (status == CAIRN_OK && !keep_apart(map)) {
        status = cairn_no_memory(builder->error, "the sites");
    }
    return status;
}

enum cairn_status cairn_site_map_new(struct cairn_trace *trace, const struct cairn_selection *selection,
                                     struct cairn_site_map **map, struct cairn_error *error)
{
    struct builder builder = {
        .trace = trace,
        .selection = selection,
        .map = calloc(1, sizeof(struct cairn_site_map)),
        .places = {.trace = trace, .by = selection->by},
        .error = error,
    };
    if (!builder.map) {
        return cairn_no_memory(error, "the sites");
    }
    builder.map->key = cairn_site_map_key_of(selection);
    cairn_charge_init(&builder.charge, trace, selection->lang, selection->rule);
    enum cairn_status status = selection->by == CAIRN_BY_TYPE
                                   ? cairn_account_types_read(trace, &builder.map->types, error)
                                   : CAIRN_OK;
    if (status == CAIRN_OK) {
        status = build(&builder);
    }
    cairn_charge_release(&builder.charge);
    cairn_places_release(&builder.places);
    cairn_key_map_release(&builder.cells);
    cairn_key_map_release(&builder.rows);
    free(builder.seen);
    if (status != CAIRN_OK) {
        cairn_site_map_free(builder.map);
        return status;
    }
    *map = builder.map;
    return CAIRN_OK;
}
