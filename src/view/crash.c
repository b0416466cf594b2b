#include "view/crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_KEYS             8
#define ALTERNATE_STACK_BYTES 65536

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* A signal handler has no argument of ours: this is the one place of the viewer with static state. */
static struct {
    char sequence[512];
    size_t length;
    struct termios settings;
    const char *screen;
    char keys[KEPT_KEYS][CAIRN_KEY_NAME_MAX];
    unsigned next_key;
    char *stack;
} crash;

static void say(const char *text)
{
    const ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void on_fatal(int number)
{
    const ssize_t written = write(STDOUT_FILENO, crash.sequence, crash.length);
    (void)written;
    tcsetattr(STDIN_FILENO, TCSANOW, &crash.settings);
    char digits[3] = {(char)('0' + number / 10), (char)('0' + number % 10), '\0'};
    say("cairn " CAIRN_VERSION ": the viewer crashed (signal ");
    say(number < 10 ? digits + 1 : digits);
    say(") on the screen ");
    say(crash.screen != NULL ? crash.screen : "at start");
    say("; last keys:");
    for (unsigned i = 0; i < KEPT_KEYS; i++) {
        const char *key = crash.keys[(crash.next_key + i) % KEPT_KEYS];
        if (key[0] != '\0') {
            say(" ");
            say(key);
        }
    }
    say("\nThe trace is unharmed. Please report this line, with the trace if you can.\n");
    raise(number); /* SA_RESETHAND: this time it kills */
}

void cairn_crash_arm(const char *sequence, size_t length, const struct termios *settings)
{
    crash.length = length < sizeof(crash.sequence) ? length : sizeof(crash.sequence);
    memcpy(crash.sequence, sequence, crash.length);
    crash.settings = *settings;
    if (crash.stack == NULL && (crash.stack = malloc(ALTERNATE_STACK_BYTES)) != NULL)
        sigaltstack(&(stack_t){.ss_sp = crash.stack, .ss_size = ALTERNATE_STACK_BYTES}, NULL);
    struct sigaction action = {.sa_handler = on_fatal};
    action.sa_flags = (int)(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
    for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
        sigaction(fatal_signals[i], &action, NULL);
}

void cairn_crash_disarm(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
        sigaction(fatal_signals[i], &action, NULL);
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    free(crash.stack);
    crash.stack = NULL;
}

void cairn_crash_screen(const char *screen)
{
    crash.screen = screen;
}

void cairn_crash_key(cairn_key key)
{
    cairn_key_name(key, crash.keys[crash.next_key]);
    crash.next_key = (crash.next_key + 1) % KEPT_KEYS;
}
