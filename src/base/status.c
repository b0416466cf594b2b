#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum cairn_status cairn_fail_va(struct cairn_error *error, enum cairn_status status, const char *format,
                                va_list args)
{
    if (error) {
        error->status = status;
        vsnprintf(error->message, sizeof error->message, format, args);
    }
    return status;
}

enum cairn_status cairn_fail(struct cairn_error *error, enum cairn_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cairn_fail_va(error, status, format, args);
    va_end(args);
    return status;
}

enum cairn_status cairn_fail_errno(struct cairn_error *error, const char *format, ...)
{
    const int saved = errno;
    if (error) {
        va_list args;
        va_start(args, format);
        cairn_fail_va(error, CAIRN_E_IO, format, args);
        va_end(args);
        const size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used, ": %s", strerror(saved));
    }
    errno = saved;
    return CAIRN_E_IO;
}

const char *cairn_status_name(enum cairn_status status)
{
    switch (status) {
    case CAIRN_OK:
        return "ok";
    case CAIRN_E_NOMEM:
        return "out of memory";
    case CAIRN_E_IO:
        return "i/o";
    case CAIRN_E_FORMAT:
        return "format";
    case CAIRN_E_VERSION:
        return "version";
    case CAIRN_E_USAGE:
        return "usage";
    case CAIRN_E_NOT_FOUND:
        return "not found";
    case CAIRN_E_CANCELLED:
        return "cancelled";
    case CAIRN_E_LIMIT:
        return "limit";
    case CAIRN_E_SYSTEM:
        return "system";
    case CAIRN_E_BUSY:
        return "busy";
    }
    return "unknown";
}
