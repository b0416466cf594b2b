/* print_keys: writes docs/keys.md, made from the viewer's key table, to standard output. */
#include <stdio.h>

#include "view/keys.h"

int main(void)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_keys_document(&text);
    const int failed = text.failed || fputs(cairn_buffer_cstr(&text), stdout) < 0;
    cairn_buffer_release(&text);
    return failed ? 1 : 0;
}
