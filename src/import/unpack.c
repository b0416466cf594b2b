#include "import/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_BYTES     (64u << 10)
#define ZSTD_WINDOW_LOG 26        /* 64 MiB; heaptrack's own take 2 MiB */
#define GZIP_HEADER     (15 + 16) /* of inflateInit2: the largest window, a gzip header */

enum packing { PACKING_NONE, PACKING_ZSTD, PACKING_GZIP };

struct cairn_unpack {
    const char *path; /* borrowed */
    int file;
    enum packing packing;
    ZSTD_DStream *zstd;
    z_stream gzip;
    bool gzip_ready;
    bool inside;        /* of a frame or member that has begun */
    size_t from, until; /* of `input` */
    unsigned char input[INPUT_BYTES];
};

static enum cairn_status fill(struct cairn_unpack *unpack, struct cairn_error *error)
{
    ssize_t count;
    do {
        count = read(unpack->file, unpack->input, sizeof unpack->input);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return cairn_fail_errno(error, "%s: cannot be read", unpack->path);
    }
    unpack->from = 0;
    unpack->until = (size_t)count;
    return CAIRN_OK;
}

static enum cairn_status start(struct cairn_unpack *unpack, struct cairn_error *error)
{
    static const unsigned char zstd[] = {0x28, 0xb5, 0x2f, 0xfd}, gzip[] = {0x1f, 0x8b};
    struct stat about;
    if (fstat(unpack->file, &about) != 0) {
        return cairn_fail_errno(error, "%s: cannot be read", unpack->path);
    }
    if (!S_ISREG(about.st_mode)) {
        return cairn_fail(error, CAIRN_E_USAGE, "%s: is no regular file: name the recording's own file",
                          unpack->path);
    }
    const enum cairn_status status = fill(unpack, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (unpack->until >= sizeof zstd && memcmp(unpack->input, zstd, sizeof zstd) == 0) {
        unpack->packing = PACKING_ZSTD;
        unpack->zstd = ZSTD_createDStream();
        if (unpack->zstd == NULL ||
            ZSTD_isError(ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG))) {
            return cairn_fail(error, CAIRN_E_NOMEM, "%s: out of memory", unpack->path);
        }
    } else if (unpack->until >= sizeof gzip && memcmp(unpack->input, gzip, sizeof gzip) == 0) {
        unpack->packing = PACKING_GZIP;
        if (inflateInit2(&unpack->gzip, GZIP_HEADER) != Z_OK) {
            return cairn_fail(error, CAIRN_E_NOMEM, "%s: out of memory", unpack->path);
        }
        unpack->gzip_ready = true;
    }
    return CAIRN_OK;
}

enum cairn_status cairn_unpack_open(const char *path, struct cairn_unpack **unpack, struct cairn_error *error)
{
    struct cairn_unpack *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return cairn_fail(error, CAIRN_E_NOMEM, "%s: out of memory", path);
    }
    made->path = path;
    made->file =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not hold us up */
    const enum cairn_status status =
        made->file < 0 ? cairn_fail_errno(error, "%s: cannot be opened", path) : start(made, error);
    if (status != CAIRN_OK) {
        cairn_unpack_close(made);
        return status;
    }
    *unpack = made;
    return CAIRN_OK;
}

void cairn_unpack_close(struct cairn_unpack *unpack)
{
    if (unpack == NULL) {
        return;
    }
    ZSTD_freeDStream(unpack->zstd);
    if (unpack->gzip_ready) {
        inflateEnd(&unpack->gzip);
    }
    if (unpack->file >= 0) {
        close(unpack->file);
    }
    free(unpack);
}

static enum cairn_status damaged(const struct cairn_unpack *unpack, const char *why,
                                 struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_FORMAT,
                      "%s: cannot be unpacked: its %s data is damaged (%s): copy or record it again",
                      unpack->path, unpack->packing == PACKING_ZSTD ? "zstd" : "gzip", why);
}

/* One step of the decoder; `*length` bytes came out. */
static enum cairn_status step_zstd(struct cairn_unpack *unpack, char *bytes, size_t size, size_t *length,
                                   struct cairn_error *error)
{
    ZSTD_inBuffer in = {.src = unpack->input, .size = unpack->until, .pos = unpack->from};
    ZSTD_outBuffer out = {.dst = bytes, .size = size};
    const size_t result = ZSTD_decompressStream(unpack->zstd, &out, &in);
    if (ZSTD_isError(result)) {
        return damaged(unpack, ZSTD_getErrorName(result), error);
    }
    unpack->inside = result != 0;
    unpack->from = in.pos;
    *length = out.pos;
    return CAIRN_OK;
}

static enum cairn_status step_gzip(struct cairn_unpack *unpack, char *bytes, size_t size, size_t *length,
                                   struct cairn_error *error)
{
    z_stream *gzip = &unpack->gzip;
    if (!unpack->inside && inflateReset(gzip) != Z_OK) {
        return cairn_fail(error, CAIRN_E_NOMEM, "%s: out of memory", unpack->path);
    }
    gzip->next_in = unpack->input + unpack->from;
    gzip->avail_in = (unsigned)(unpack->until - unpack->from);
    gzip->next_out = (unsigned char *)bytes;
    gzip->avail_out = (unsigned)size;
    const int result = inflate(gzip, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return damaged(unpack, gzip->msg != NULL ? gzip->msg : "not as it should be", error);
    }
    unpack->inside = result != Z_STREAM_END;
    unpack->from = unpack->until - gzip->avail_in;
    *length = size - gzip->avail_out;
    return CAIRN_OK;
}

enum cairn_status cairn_unpack_read(struct cairn_unpack *unpack, char *bytes, size_t size, size_t *length,
                                    struct cairn_error *error)
{
    enum cairn_status status = CAIRN_OK;
    *length = 0;
    while (status == CAIRN_OK && *length == 0) {
        if (unpack->from == unpack->until) {
            status = fill(unpack, error);
        }
        const bool ended = unpack->until == 0;
        if (status != CAIRN_OK || (ended && !unpack->inside)) {
            break;
        }
        if (unpack->packing == PACKING_NONE) {
            const size_t there = unpack->until - unpack->from;
            *length = there < size ? there : size;
            memcpy(bytes, unpack->input + unpack->from, *length);
            unpack->from += *length;
        } else {
            status = unpack->packing == PACKING_ZSTD ? step_zstd(unpack, bytes, size, length, error)
                                                     : step_gzip(unpack, bytes, size, length, error);
            if (status == CAIRN_OK && ended && *length == 0) {
                status = damaged(unpack, "it stops short", error);
            }
        }
    }
    return status;
}
