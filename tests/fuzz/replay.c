/* replay FOLDER…: gives every file of these folders to the fuzz target it is linked with. The same bytes that once were a
 * finding, or reached code that others did not, without clang. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "input.h"

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return 0;
    }
    static uint8_t data[1 << 20];
    const size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    /* A block of its own size, so that a sanitizer sees what is read behind it. */
    uint8_t *copy = malloc(size + (size == 0));
    if (!copy) {
        exit(2);
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 1;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        const struct dirent *entry;
        while (folder && (entry = readdir(folder))) {
            char path[4096];
            if (entry->d_name[0] != '.') {
                snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
                files += replay_file(path);
            }
        }
        if (folder) {
            closedir(folder);
        }
    }
    printf("%d inputs\n", files);
    return files > 0 ? 0 : 1;
}
