#include "collector/image_room.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/target.h"

#define PAGE_BYTES  INT64_C(4096)
#define KIB         INT64_C(1024)
#define NO_LIMIT    INT64_MAX
#define LEAST_BYTES (INT64_C(16) << 20) /* page tables, and what the image needs for itself */
/* So large a part of the process may come to be written to while its image lives. */
#define WRITTEN_PART 2

/* Of the process alone: resident pages less those shared with files and others. */
static int64_t own_bytes(pid_t pid)
{
    char path[64], text[256];
    int64_t resident = 0, shared = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (!cairn_proc_read(path, text, sizeof text) ||
        sscanf(text, "%*s %" SCNd64 " %" SCNd64, &resident, &shared) != 2) {
        return 0;
    }
    return (resident - shared) * PAGE_BYTES;
}

static int64_t system_has(void)
{
    char text[2048];
    const char *line =
        cairn_proc_read("/proc/meminfo", text, sizeof text) ? strstr(text, "MemAvailable:") : NULL;
    return line ? strtoll(line + strlen("MemAvailable:"), NULL, 10) * KIB : NO_LIMIT;
}

/* A number, or "max". */
static int64_t read_limit(const char *folder, const char *name)
{
    char path[4200], text[64];
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", folder, name);
    return cairn_proc_read(path, text, sizeof text) && text[0] != 'm' ? strtoll(text, NULL, 10) : NO_LIMIT;
}

/* Of what a group uses: what the kernel drops when it needs room. */
static int64_t read_cached(const char *folder)
{
    char path[4200], text[4096];
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.stat", folder);
    const char *line = cairn_proc_read(path, text, sizeof text) ? strstr(text, "\nfile ") : NULL;
    return line ? strtoll(line + strlen("\nfile "), NULL, 10) : 0;
}

/* What the group of the process, and every group around it, leave. */
static int64_t group_has(pid_t pid)
{
    char path[64], folder[4096];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    if (!cairn_proc_read(path, folder, sizeof folder) || strncmp(folder, "0::", 3) != 0) {
        return NO_LIMIT;
    }
    memmove(folder, folder + 3, strlen(folder + 3) + 1);
    folder[strcspn(folder, "\n")] = '\0';
    int64_t left = NO_LIMIT;
    for (char *slash = folder + strlen(folder); slash; slash = strrchr(folder, '/')) {
        *slash = '\0';
        const int64_t limit = read_limit(folder, "memory.max");
        const int64_t used = limit == NO_LIMIT ? 0 : read_limit(folder, "memory.current");
        const int64_t free_bytes =
            limit == NO_LIMIT || used == NO_LIMIT ? NO_LIMIT : limit - used + read_cached(folder);
        left = free_bytes < left ? free_bytes : left;
    }
    return left;
}

bool cairn_image_room(pid_t pid)
{
    const int64_t wanted = own_bytes(pid) / WRITTEN_PART + LEAST_BYTES;
    return system_has() >= wanted && group_has(pid) >= wanted;
}
