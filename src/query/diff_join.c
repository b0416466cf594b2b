#include "query/diff_join.h"

#include <stdlib.h>
#include <string.h>

#include "query/no_memory.h"
#include "query/places.h"
#include "query/site_label.h"
#include "query/stack_frames.h"

/* One side's stacks as chains of names. */
struct chains {
    struct cairn_trace *trace;
    struct cairn_places places; /* by function */
    struct cairn_stack_frames walk;
    bool by_module; /* both sides know the modules */
};

static uint64_t base_key(uint64_t key, const char *path)
{
    return cairn_key_text(key, path ? cairn_base_name(path) : NULL);
}

/* What two traces have in common of a place; lines apart. */
static uint64_t place_key(const struct cairn_site *site, bool by_module)
{
    uint64_t key = cairn_key_text(0, site->function);
    key = base_key(base_key(key, site->file), by_module ? site->module : NULL);
    if (!site->function) {
        key = cairn_key_number(key, (uint64_t)site->offset);
    }
    return !site->function && !site->file && !site->module ? cairn_key_number(key, (uint64_t)site->lang)
                                                           : key;
}

static bool chain_key(struct chains *chains, uint32_t stack, uint64_t *key)
{
    if (!cairn_stack_frames_load(&chains->walk, chains->trace, stack)) {
        return false;
    }
    uint64_t made = cairn_key_number(0, chains->walk.count);
    for (size_t i = 0; i < chains->walk.count; i++) {
        const uint32_t place = cairn_places_of(&chains->places, chains->walk.frames[i]);
        if (place == CAIRN_KEY_MAP_NONE) {
            return false;
        }
        made = cairn_key_number(made, place_key(&chains->places.sites[place], chains->by_module));
    }
    *key = made;
    return true;
}

static bool site_key(struct chains *chains, enum cairn_by by, const struct cairn_site *site, uint64_t *key)
{
    switch (by) {
    case CAIRN_BY_STACK:
        return chain_key(chains, (uint32_t)site->site_id, key);
    case CAIRN_BY_THREAD:
        *key = cairn_key_text(1, site->thread_name);
        return true;
    case CAIRN_BY_PROCESS:
        *key = base_key(2, site->process_name);
        return true;
    default:
        *key = place_key(site, chains->by_module);
        return true;
    }
}

/* A site of a map grouped by line. */
struct line {
    uint64_t key; /* of its place, lines apart */
    int64_t line;
    uint32_t site;
    bool taken;
};

/* The lines of one function on both sides, sorted. */
struct run {
    struct line *a, *b;
    size_t a_count, b_count;
};

static int compare_lines(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return (a->line > b->line) - (a->line < b->line);
}

/* The lines of a map, sorted. The caller frees it; NULL: no memory. */
static struct line *sorted_lines(const struct cairn_site_map *map, bool by_module)
{
    struct line *lines = calloc(map->site_count + 1, sizeof(*lines));
    for (size_t i = 0; lines && i < map->site_count; i++) {
        lines[i] = (struct line){
            .key = place_key(&map->sites[i], by_module), .line = map->sites[i].line, .site = (uint32_t)i};
    }
    if (lines) {
        qsort(lines, map->site_count, sizeof(*lines), compare_lines);
    }
    return lines;
}

static size_t run_length(const struct line *lines, size_t at, size_t count)
{
    size_t end = at;
    while (end < count && lines[end].key == lines[at].key) {
        end++;
    }
    return end - at;
}

static void pair(struct cairn_diff_join *join, struct line *a, struct line *b)
{
    join->row_of[CAIRN_SIDE_A][a->site] = join->row_of[CAIRN_SIDE_B][b->site];
    a->taken = b->taken = true;
}

/* Pairs equal lines; `join` NULL only counts them. */
static size_t pair_equal(struct cairn_diff_join *join, const struct run *run)
{
    size_t count = 0;
    for (size_t i = 0, j = 0; i < run->a_count && j < run->b_count;) {
        if (run->a[i].line == run->b[j].line) {
            if (join) {
                pair(join, &run->a[i], &run->b[j]);
            }
            count++;
            i++;
            j++;
        } else {
            *(run->a[i].line < run->b[j].line ? &i : &j) += 1;
        }
    }
    return count;
}

/* Pairs what is not taken yet, in order, when there are as many on both sides. */
static void pair_rest(struct cairn_diff_join *join, const struct run *run)
{
    size_t a_left = 0, b_left = 0;
    for (size_t i = 0; i < run->a_count; i++) {
        a_left += !run->a[i].taken;
    }
    for (size_t i = 0; i < run->b_count; i++) {
        b_left += !run->b[i].taken;
    }
    for (size_t i = 0, j = 0; a_left == b_left && i < run->a_count; i++) {
        if (!run->a[i].taken) {
            while (run->b[j].taken) {
                j++;
            }
            pair(join, &run->a[i], &run->b[j]);
        }
    }
}

/* Lines move when a file is edited. Where most lines of a function are where they were, these are the same and the rest
 * is matched in order; else all of them are, if there are as many. */
static void match_run(struct cairn_diff_join *join, const struct run *run)
{
    const size_t equal = pair_equal(NULL, run);
    if (run->a_count != run->b_count || equal * 2 >= run->a_count) {
        pair_equal(join, run);
    }
    pair_rest(join, run);
}

/* Gives the sites of A rows: those of B where lines match, else rows of their own. */
static enum cairn_status join_lines(struct cairn_diff_join *join, bool by_module, struct cairn_error *error)
{
    const struct cairn_site_map *map_a = join->maps[CAIRN_SIDE_A], *map_b = join->maps[CAIRN_SIDE_B];
    struct line *a = sorted_lines(map_a, by_module), *b = sorted_lines(map_b, by_module);
    for (size_t i = 0, j = 0; a && b && i < map_a->site_count;) {
        while (j < map_b->site_count && b[j].key < a[i].key) {
            j++;
        }
        struct run run = {.a = &a[i], .a_count = run_length(a, i, map_a->site_count), .b = &b[j]};
        run.b_count = j < map_b->site_count && b[j].key == a[i].key ? run_length(b, j, map_b->site_count) : 0;
        match_run(join, &run);
        i += run.a_count;
        j += run.b_count;
    }
    for (size_t i = 0; a && b && i < map_a->site_count; i++) {
        if (!a[i].taken) {
            const struct cairn_site *site = &map_a->sites[a[i].site];
            const uint64_t key =
                cairn_key_number(cairn_key_number(a[i].key, (uint64_t)site->line), CAIRN_SIDE_A);
            join->row_of[CAIRN_SIDE_A][a[i].site] = (uint32_t)join->row_count;
            join->sites[join->row_count] = *site;
            join->sites[join->row_count++].site_id = cairn_site_id_of_key(key);
        }
    }
    const bool failed = !a || !b;
    free(a);
    free(b);
    return failed ? cairn_no_memory(error, "the diff") : CAIRN_OK;
}

/* Rows of `side`: the same key, the same row. */
static enum cairn_status join_sites(struct cairn_diff_join *join, int side, struct chains *chains,
                                    struct cairn_key_map *rows, struct cairn_error *error)
{
    const struct cairn_site_map *map = join->maps[side];
    for (size_t i = 0; i < map->site_count; i++) {
        uint64_t key;
        if (!site_key(chains, map->key.by, &map->sites[i], &key)) {
            return cairn_no_memory(error, "the diff");
        }
        if (map->key.by == CAIRN_BY_LINE) {
            key = cairn_key_number(key, (uint64_t)map->sites[i].line);
        }
        const uint32_t row = cairn_key_map_add(rows, key, (uint32_t)join->row_count);
        if (row == CAIRN_KEY_MAP_NONE) {
            return cairn_no_memory(error, "the diff");
        }
        if (row == join->row_count) {
            join->sites[row] = map->sites[i];
            join->sites[row].site_id = cairn_site_id_of_key(key);
            join->row_count++;
        }
        join->row_of[side][i] = row;
    }
    return CAIRN_OK;
}

/* Pairs of `side`: the same chain of functions, and the same row where a stack belongs to several (threads, processes). */
static enum cairn_status join_cells(struct cairn_diff_join *join, int side, struct chains *chains,
                                    struct cairn_key_map *pairs, struct cairn_error *error)
{
    const struct cairn_site_map *map = join->maps[side];
    for (size_t cell = 0; cell < map->cell_count; cell++) {
        uint64_t key;
        if (!chain_key(chains, map->cell_stack[cell], &key)) {
            return cairn_no_memory(error, "the diff");
        }
        if (map->key.by == CAIRN_BY_THREAD || map->key.by == CAIRN_BY_PROCESS) {
            key = cairn_key_number(key, join->row_of[side][map->cell_sites[map->cell_first[cell]]]);
        }
        const uint32_t pair = cairn_key_map_add(pairs, key, (uint32_t)join->pair_count);
        if (pair == CAIRN_KEY_MAP_NONE) {
            return cairn_no_memory(error, "the diff");
        }
        join->pair_count += pair == join->pair_count;
        join->pair_of[side][cell] = pair;
    }
    return CAIRN_OK;
}

static bool make_arrays(struct cairn_diff_join *join)
{
    for (int side = 0; side < CAIRN_SIDES; side++) {
        join->row_of[side] = calloc(join->maps[side]->site_count + 1, sizeof(*join->row_of[side]));
        join->pair_of[side] = calloc(join->maps[side]->cell_count + 1, sizeof(*join->pair_of[side]));
        if (!join->row_of[side] || !join->pair_of[side]) {
            return false;
        }
    }
    const size_t rows = join->maps[CAIRN_SIDE_A]->site_count + join->maps[CAIRN_SIDE_B]->site_count;
    join->sites = calloc(rows + 1, sizeof(*join->sites));
    return join->sites != NULL;
}

/* Massif tells a place's file or its module. */
static bool tells_modules(const struct cairn_trace *trace)
{
    return !(cairn_trace_recording(trace)->untold & CAIRN_UNTOLD_EVENTS);
}

static enum cairn_status join_two(struct cairn_diff_join *join, struct cairn_trace *const traces[CAIRN_SIDES],
                                  struct cairn_error *error)
{
    struct cairn_key_map rows = {.slots = NULL}, pairs = {.slots = NULL};
    struct chains chains[CAIRN_SIDES];
    enum cairn_status status = make_arrays(join) ? CAIRN_OK : cairn_no_memory(error, "the diff");
    for (int side = 0; side < CAIRN_SIDES; side++) {
        chains[side] = (struct chains){
            .trace = traces[side],
            .places = {.trace = traces[side], .by = CAIRN_BY_FUNCTION},
            .by_module = tells_modules(traces[CAIRN_SIDE_A]) && tells_modules(traces[CAIRN_SIDE_B]),
        };
        if (status == CAIRN_OK) {
            status = cairn_trace_load_stacks(traces[side], error);
        }
    }
    /* B first: its names and lines are the ones shown. */
    for (int side = CAIRN_SIDE_B; status == CAIRN_OK && side >= CAIRN_SIDE_A; side--) {
        const bool lines = side == CAIRN_SIDE_A && join->maps[side]->key.by == CAIRN_BY_LINE;
        status = lines ? join_lines(join, chains[side].by_module, error)
                       : join_sites(join, side, &chains[side], &rows, error);
        if (status == CAIRN_OK) {
            status = join_cells(join, side, &chains[side], &pairs, error);
        }
    }
    for (int side = 0; side < CAIRN_SIDES; side++) {
        cairn_places_release(&chains[side].places);
        cairn_stack_frames_release(&chains[side].walk);
    }
    cairn_key_map_release(&rows);
    cairn_key_map_release(&pairs);
    return status;
}

enum cairn_status cairn_diff_join_init(struct cairn_diff_join *join, struct cairn_trace *trace_a,
                                       const struct cairn_site_map *map_a, struct cairn_trace *trace_b,
                                       const struct cairn_site_map *map_b, struct cairn_error *error)
{
    *join = (struct cairn_diff_join){.maps = {map_a, map_b}, .one_trace = trace_a == trace_b};
    if (!join->one_trace) {
        struct cairn_trace *const traces[CAIRN_SIDES] = {trace_a, trace_b};
        return join_two(join, traces, error);
    }
    join->row_count = map_a->site_count;
    join->pair_count = map_a->cell_count;
    join->sites = calloc(join->row_count + 1, sizeof(*join->sites));
    if (!join->sites) {
        return cairn_no_memory(error, "the diff");
    }
    if (join->row_count) {
        memcpy(join->sites, map_a->sites, join->row_count * sizeof(*join->sites));
    }
    return CAIRN_OK;
}

void cairn_diff_join_release(struct cairn_diff_join *join)
{
    for (int side = 0; side < CAIRN_SIDES; side++) {
        free(join->row_of[side]);
        free(join->pair_of[side]);
    }
    free(join->sites);
    *join = (struct cairn_diff_join){.row_count = 0};
}
