#include <stdlib.h>

#include "collector/graphs.h"
#include "collector/recorder.h"

enum cairn_status cairn_graph_store(struct cairn_recorder *recorder, uint32_t number,
                                    struct cairn_graph_input *input, struct cairn_error *error)
{
    struct cairn_batch *batch = cairn_batch_new();
    struct cairn_graph_parcel *parcel = calloc(1, sizeof *parcel);
    if (!batch || !parcel) {
        cairn_batch_free(batch);
        free(parcel);
        return cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it");
    }
    parcel->input = *input;
    cairn_graph_input_init(input);
    const enum cairn_status status = cairn_graph_build(&parcel->input, number, &parcel->built, error);
    if (status != CAIRN_OK) {
        cairn_graph_parcel_free(parcel);
        cairn_batch_free(batch);
        return status;
    }
    batch->resolved = true;
    cairn_batch_graph(batch, parcel);
    cairn_queue_push(&recorder->pipeline.batches, batch);
    return CAIRN_OK;
}
