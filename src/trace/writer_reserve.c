/* What a checkpoint writes into the trace's file must fit even when the disk is full. So as much space as the WAL takes
 * is held by another file, and given back before the last checkpoint. Growing that file is also the moment when a
 * disk that fills up is noticed: before anything committed is in danger. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "trace/writer_private.h"

#define STEP_BYTES   (INT64_C(1) << 20)   /* the reserve's size is a multiple of it */
#define MARGIN_BYTES (INT64_C(256) << 10) /* for the few pages that the end itself changes */

void cairn_reserve_open(struct cairn_writer *writer)
{
    char name[PATH_MAX];
    const int length = snprintf(name, sizeof name, "%s-reserve", writer->path);
    writer->reserve = -1;
    if (length < 0 || length >= (int)sizeof name) {
        return;
    }
    const int file = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        return;
    }
    unlink(name);
    writer->reserve = file;
}

static bool is_out_of_space(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

bool cairn_reserve_fit(struct cairn_writer *writer)
{
    if (writer->reserve < 0) {
        return true;
    }
    const int64_t wanted = ((writer->wal_bytes + MARGIN_BYTES) / STEP_BYTES + 1) * STEP_BYTES;
    if (wanted > writer->reserve_bytes) {
        int result;
        do {
            result = fallocate(writer->reserve, 0, 0, wanted);
        } while (result != 0 && errno == EINTR);
        if (result != 0) {
            if (is_out_of_space(errno)) {
                return false;
            }
            cairn_reserve_give_back(writer);
            return true;
        }
    } else if (wanted < writer->reserve_bytes / 4) {
        if (ftruncate(writer->reserve, wanted) != 0) {
            return true;
        }
    } else {
        return true;
    }
    writer->reserve_bytes = wanted;
    return true;
}

void cairn_reserve_give_back(struct cairn_writer *writer)
{
    if (writer->reserve >= 0) {
        close(writer->reserve);
    }
    writer->reserve = -1;
    writer->reserve_bytes = 0;
}
