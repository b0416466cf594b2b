/* graph_heap BLOCKS: a heap of so many blocks with two edges each but the last few: a tree whose nodes also point to the node
 * made before. The graph at the end has BLOCKS objects and about 2 × BLOCKS edges. */
#include <stdlib.h>

struct node {
    struct node *child, *before;
    char rest[32];
};

struct node *root, **all;

int main(int argc, char **argv)
{
    const size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct node *last = NULL, *parent = NULL;
    for (size_t i = 0; i < count; i++) {
        struct node *node = calloc(1, sizeof *node);
        if (!node) {
            return 1;
        }
        node->before = last;
        node->child = parent;
        parent = i % 2 == 0 && last ? last->child : node;
        last = node;
    }
    root = last;
    return 0;
}
