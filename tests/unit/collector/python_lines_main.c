/* Answers the driver (test_python_lines.py): lines "MINOR FIRST_LINE OFFSET HEX-TABLE" in, line numbers out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/python_lines.h"

int main(void)
{
    char *text = NULL;
    size_t capacity = 0;
    while (getline(&text, &capacity, stdin) > 0) {
        char *at = text;
        const unsigned minor = (unsigned)strtoul(at, &at, 10);
        const long first = strtol(at, &at, 10);
        const uint32_t offset = (uint32_t)strtoul(at, &at, 10);
        at += strspn(at, " ");
        const size_t size = strcspn(at, "\n") / 2;
        uint8_t *table = malloc(size + 1);
        for (size_t i = 0; i < size; i++) {
            const char byte[3] = {at[2 * i], at[2 * i + 1], '\0'};
            table[i] = (uint8_t)strtoul(byte, NULL, 16);
        }
        printf("%lld\n", (long long)cairn_python_line(minor, first, table, size, offset));
        free(table);
    }
    free(text);
    return 0;
}
