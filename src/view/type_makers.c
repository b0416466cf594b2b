#include "view/type_makers.h"

#include <stdlib.h>

#define NEARLY_ALL 0.95 /* of a type's bytes */

/* Bytes of one type that one function allocated. */
struct share {
    uint32_t type, function;
    int64_t bytes;
};

static int compare(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return a->function < b->function ? -1 : (int)(a->function > b->function);
}

static uint32_t function_of(struct cairn_trace *trace, const struct cairn_account *account)
{
    const struct cairn_frame *frame = account->site != 0 ? cairn_trace_frame(trace, account->site) : NULL;
    return frame != NULL ? frame->function : 0;
}

const char *cairn_maker_of_account(struct cairn_trace *trace, const struct cairn_account *account)
{
    const struct cairn_function *function = cairn_trace_function(trace, function_of(trace, account));
    return function != NULL ? function->name : NULL;
}

/* The shares of one type stand together: the largest one is its maker. */
static size_t judge_type(const struct share *shares, size_t count, struct cairn_type_maker *maker)
{
    const uint32_t type = shares[0].type;
    int64_t all = 0, most = 0, own = 0;
    size_t i = 0;
    for (; i < count && shares[i].type == type; i++) {
        all += shares[i].bytes;
        own = i > 0 && shares[i].function == shares[i - 1].function ? own + shares[i].bytes : shares[i].bytes;
        if (own > most) {
            most = own;
            maker->function = shares[i].function;
        }
    }
    maker->alone = (double)most >= NEARLY_ALL * (double)all;
    return i;
}

enum cairn_status cairn_type_makers(struct cairn_graph *graph, struct cairn_type_maker **makers,
                                    struct cairn_error *error)
{
    struct cairn_trace *trace = cairn_graph_trace(graph);
    const struct cairn_graph_account *sums;
    const struct cairn_graph_type *types;
    const struct cairn_account *accounts;
    size_t sum_count, type_count, account_count;
    enum cairn_status status = cairn_graph_accounts(graph, &sums, &sum_count, error);
    if (status == CAIRN_OK)
        status = cairn_graph_types(graph, &types, &type_count, error);
    if (status == CAIRN_OK)
        status = cairn_trace_accounts(trace, &accounts, &account_count, error);
    if (status != CAIRN_OK)
        return status;
    struct cairn_type_maker *made = calloc(type_count + 1, sizeof(*made));
    struct share *shares = malloc((sum_count + 1) * sizeof(*shares));
    if (made == NULL || shares == NULL) {
        free(made);
        free(shares);
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out for the types");
    }
    size_t count = 0;
    for (size_t i = 0; i < sum_count; i++)
        if (sums[i].type < type_count && sums[i].account - 1u < account_count)
            shares[count++] = (struct share){.type = sums[i].type,
                                             .function = function_of(trace, &accounts[sums[i].account - 1]),
                                             .bytes = sums[i].bytes};
    qsort(shares, count, sizeof(*shares), compare);
    for (size_t i = 0; i < count;)
        i += judge_type(shares + i, count - i, &made[shares[i].type]);
    free(shares);
    *makers = made;
    return CAIRN_OK;
}
