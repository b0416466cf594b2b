/* A program that takes something from itself on its way, and goes on. */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY      65534
#define NOT_HERE    77 /* this system does not let it */
#define ALLOCATIONS 100

static void allocate(void)
{
    for (int i = 0; i < ALLOCATIONS; i++) {
        free(malloc(100));
    }
}

/* What it has open stays so; a child of its allocates, too. */
static int no_more_files(void)
{
    const struct rlimit none = {0, 0};
    allocate();
    if (setrlimit(RLIMIT_NOFILE, &none) != 0) {
        return NOT_HERE;
    }
    const pid_t child = fork();
    if (child == 0) {
        allocate();
        _exit(4);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

/* Asks a shell as another user. */
static int another_user(void)
{
    char line[16] = "";
    allocate();
    if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
        return NOT_HERE;
    }
    const int status = system("echo hello; exit 3");
    FILE *shell = popen("echo there", "r");
    if (shell && fgets(line, sizeof line, shell)) {
        fputs(line, stdout);
    }
    return shell && pclose(shell) == 0 ? WEXITSTATUS(status) : 1;
}

int main(int count, char **words)
{
    const char *what = count > 1 ? words[1] : "";
    return strcmp(what, "files") == 0 ? no_more_files() : strcmp(what, "user") == 0 ? another_user() : 0;
}
