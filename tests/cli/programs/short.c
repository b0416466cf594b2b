/* Over before anybody looks at its mappings: 20,000 blocks of 48 bytes, the first half of which is freed again. */
#include <stdlib.h>

static void *volatile blocks[20000];

int main(void)
{
    for (int i = 0; i < 20000; i++) {
        blocks[i] = malloc(48);
    }
    for (int i = 0; i < 10000; i++) {
        free(blocks[i]);
    }
    return 0;
}
