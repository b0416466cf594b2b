/* closed: a program that does not let itself be traced by its own user. Says "ready", and waits for the end of its input. */
#include <stdio.h>
#include <sys/prctl.h>

int main(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 7;
}
