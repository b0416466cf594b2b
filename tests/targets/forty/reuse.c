/* reuse COUNT: COUNT children one after another that all have the same process number, by the kernel's ns_last_pid. Child i
 * allocates i + 1 blocks. To be run in a PID namespace of its own.
 *
 * What must hold: COUNT processes beside the first, each with its own allocations. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const int count = argc > 1 ? atoi(argv[1]) : 5;
    const char wanted[] = "1000";
    for (int i = 0; i < count; i++) {
        const int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
        if (file < 0 || write(file, wanted, strlen(wanted)) < 0) {
            return 77;
        }
        close(file);
        const pid_t pid = fork();
        if (pid == 0) {
            for (int k = 0; k <= i; k++) {
                void *volatile block = malloc(10);
                (void)block;
            }
            _exit(0);
        }
        int status = 1;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
            return 3;
        }
        if (pid != 1001) {
            return 77;
        }
    }
    return 0;
}
