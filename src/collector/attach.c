#include "collector/attach.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "collector/attach_check.h"
#include "collector/attach_hand.h"
#include "collector/attach_place.h"
#include "collector/target.h"
#include "wire/session.h"

/* So long a thread is looked for that stands at a good place; half of it only at places that are known to be one. */
#define SEARCH_NS 10000000000ll
#define LEAVE_NS  3000000000ll
#define PAUSE_NS  1000000ll /* between two looks at the threads, growing */
#define PAUSE_MAX 20000000ll

/* __RTLD_DLOPEN, which the C library's own function wants before 2.34. */
#define OWN_DLOPEN       0x80000000u

#define SYSTEM_CALL_LOOK 64u

/* The functions of the C library that are called, and an instruction to borrow. */
struct functions {
    uint64_t open, symbol, error, system_call;
    unsigned open_mode;
};

struct errand {
    pid_t pid;
    const char *agent, *function, *argument;
    struct functions functions;
    struct cairn_attach_code *code;
    struct cairn_hand *hand;
    char why[512]; /* it went wrong */
};

enum outcome { OUTCOME_DONE, OUTCOME_NOT_NOW, OUTCOME_FAILED, OUTCOME_FORBIDDEN };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* False with errno, which is EPERM where its memory may not be read. */
static bool find_system_call(pid_t pid, uint64_t function, uint64_t *address)
{
    uint8_t bytes[SYSTEM_CALL_LOOK];
    const struct iovec here = {.iov_base = bytes, .iov_len = sizeof bytes};
    const struct iovec there = {.iov_base = (void *)(uintptr_t)function, .iov_len = sizeof bytes};
    errno = 0;
    if (!function || process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t)sizeof bytes) {
        return false; /* a part was read: errno is 0 */
    }
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        if (bytes[i] == 0x0f && bytes[i + 1] == 0x05) {
            *address = function + i;
            return true;
        }
    }
    return false;
}

static enum cairn_status find_functions(struct errand *errand, struct cairn_error *error)
{
    struct functions *functions = &errand->functions;
    functions->open = cairn_attach_code_function(errand->code, "dlopen");
    functions->open_mode = RTLD_NOW;
    functions->symbol = cairn_attach_code_function(errand->code, "dlsym");
    functions->error = cairn_attach_code_function(errand->code, "dlerror");
    if (!functions->open) {
        functions->open = cairn_attach_code_function(errand->code, "__libc_dlopen_mode");
        functions->open_mode = RTLD_NOW | OWN_DLOPEN;
        functions->symbol = cairn_attach_code_function(errand->code, "__libc_dlsym");
    }
    const bool callable = find_system_call(errand->pid, cairn_attach_code_function(errand->code, "syscall"),
                                           &functions->system_call);
    if (!callable && errno == EPERM) {
        return cairn_attach_forbidden(errand->pid, error);
    }
    if (!callable || !functions->open || !functions->symbol) {
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "process %d cannot be joined: its C library has no way to load a library",
                          (int)errand->pid);
    }
    return CAIRN_OK;
}

static void take_reason(struct errand *errand, const char *fallback)
{
    uint64_t text = 0;
    if (errand->functions.error &&
        cairn_hand_call(errand->hand, errand->functions.error, 0, 0, &text) == CAIRN_HAND_OK && text) {
        cairn_hand_read(errand->hand, text, errand->why, sizeof errand->why);
    }
    if (!errand->why[0]) {
        snprintf(errand->why, sizeof errand->why, "%s", fallback);
    }
}

static enum outcome judge(struct errand *errand, int result)
{
    switch ((enum cairn_join_result)result) {
    case CAIRN_JOIN_DONE:
        return OUTCOME_DONE;
    case CAIRN_JOIN_AGAIN:
        snprintf(errand->why, sizeof errand->why, "its threads were never out of the agent's way");
        return OUTCOME_NOT_NOW;
    case CAIRN_JOIN_BUSY:
        snprintf(errand->why, sizeof errand->why, "it is being recorded already");
        return OUTCOME_FAILED;
    case CAIRN_JOIN_OWN_MALLOC:
        snprintf(errand->why, sizeof errand->why,
                 "it brings a malloc of its own, linked in: what it allocates cannot be seen");
        return OUTCOME_FAILED;
    default:
        snprintf(errand->why, sizeof errand->why, "its agent could not reach the recorder");
        return OUTCOME_FAILED;
    }
}

/* The thread stands at a good place: it loads the library, finds the function, and calls it. */
static enum outcome carry_out(struct errand *errand)
{
    struct cairn_hand *hand = errand->hand;
    const struct functions *functions = &errand->functions;
    uint64_t handle = 0, function = 0, result = 0;
    snprintf(errand->why, sizeof errand->why, "a thread of it could not be made to load libcairn.so");
    if (cairn_hand_lend(hand, functions->system_call) != CAIRN_HAND_OK) {
        return OUTCOME_FAILED;
    }
    const uint64_t path = cairn_hand_write(hand, 0, errand->agent);
    const uint64_t name = cairn_hand_write(hand, 1, errand->function);
    const uint64_t argument = errand->argument ? cairn_hand_write(hand, 2, errand->argument) : 0;
    if (!path || !name || cairn_hand_call(hand, functions->open, path, functions->open_mode, &handle)) {
        return OUTCOME_FAILED;
    }
    if (!handle) {
        errand->why[0] = '\0';
        take_reason(errand, "it cannot load libcairn.so");
        return OUTCOME_FAILED;
    }
    if (cairn_hand_call(hand, functions->symbol, handle, name, &function) || !function) {
        return OUTCOME_FAILED;
    }
    if (cairn_hand_call(hand, function, argument, 0, &result)) {
        return OUTCOME_FAILED;
    }
    return judge(errand, (int)result);
}

static enum outcome try_thread(struct errand *errand, pid_t tid, bool patient)
{
    switch (cairn_hand_take(errand->hand, errand->pid, tid)) {
    case CAIRN_HAND_OK:
        break;
    case CAIRN_HAND_FORBIDDEN:
        return OUTCOME_FORBIDDEN;
    case CAIRN_HAND_STUCK: /* let go when our thread ends */
        snprintf(errand->why, sizeof errand->why, "a thread of it waits in the kernel and cannot be stopped");
        return OUTCOME_FAILED;
    default:
        return OUTCOME_NOT_NOW;
    }
    enum outcome outcome = OUTCOME_NOT_NOW;
    if (cairn_attach_code_is_safe(errand->code, tid, patient)) {
        outcome = carry_out(errand);
    }
    cairn_hand_release(errand->hand);
    return outcome;
}

/* Every thread once. */
static enum outcome try_threads(struct errand *errand, bool patient)
{
    char path[64];
    enum outcome outcome = OUTCOME_NOT_NOW;
    bool any = false;
    snprintf(path, sizeof path, "/proc/%d/task", (int)errand->pid);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && outcome == OUTCOME_NOT_NOW && (entry = readdir(folder));) {
        const pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        const char state = tid > 0 ? cairn_thread_state(errand->pid, tid) : 0;
        any |= state != 0 && state != 'Z';
        if (state == 'R' || state == 'S') {
            outcome = try_thread(errand, tid, patient);
        }
    }
    if (folder) {
        closedir(folder);
    }
    if (!any) {
        snprintf(errand->why, sizeof errand->why, "it has ended");
        return OUTCOME_FAILED;
    }
    return outcome;
}

static enum outcome search(struct errand *errand, int64_t within_ns)
{
    const int64_t began_ns = now_ns();
    int64_t pause_ns = PAUSE_NS;
    snprintf(errand->why, sizeof errand->why,
             "none of its threads was seen at a place where a library can be loaded safely: try again");
    for (;;) {
        const int64_t gone_ns = now_ns() - began_ns;
        const enum outcome outcome = try_threads(errand, gone_ns < within_ns / 2);
        if (outcome != OUTCOME_NOT_NOW || gone_ns > within_ns) {
            return outcome;
        }
        nanosleep(&(const struct timespec){.tv_nsec = pause_ns}, NULL);
        pause_ns = pause_ns * 5 / 4 < PAUSE_MAX ? pause_ns * 5 / 4 : PAUSE_MAX;
    }
}

static enum cairn_status run_errand(struct errand *errand, int64_t within_ns, struct cairn_error *error)
{
    enum cairn_status status = cairn_attach_code_open(errand->pid, &errand->code, error);
    if (status != CAIRN_OK) {
        return status;
    }
    errand->hand = malloc(sizeof *errand->hand);
    status = errand->hand ? find_functions(errand, error)
                          : cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    if (status == CAIRN_OK) {
        switch (search(errand, within_ns)) {
        case OUTCOME_DONE:
            break;
        case OUTCOME_FORBIDDEN:
            status = cairn_attach_forbidden(errand->pid, error);
            break;
        default:
            status = cairn_fail(error, CAIRN_E_SYSTEM, "process %d cannot be joined: %s", (int)errand->pid,
                                errand->why);
        }
    }
    free(errand->hand);
    cairn_attach_code_free(errand->code);
    return status;
}

/* A thread of ours for every errand: whatever it may have left stopped goes on when it ends. */
struct cairn_attach_job {
    pthread_t thread;
    int done; /* an eventfd */
    int64_t within_ns;
    struct errand errand;
    char *agent, *session;
    enum cairn_status status;
    struct cairn_error error;
};

static void *work(void *state)
{
    struct cairn_attach_job *job = state;
    job->status = run_errand(&job->errand, job->within_ns, &job->error);
    eventfd_write(job->done, 1);
    return NULL;
}

static void free_job(struct cairn_attach_job *job)
{
    if (job->done >= 0) {
        close(job->done);
    }
    free(job->agent);
    free(job->session);
    free(job);
}

static struct cairn_attach_job *start(pid_t pid, const char *agent, const char *function, const char *session,
                                      int64_t within_ns)
{
    struct cairn_attach_job *job = calloc(1, sizeof *job);
    if (!job) {
        return NULL;
    }
    job->done = eventfd(0, EFD_CLOEXEC);
    job->agent = strdup(agent);
    job->session = session ? strdup(session) : NULL;
    job->within_ns = within_ns;
    job->errand =
        (struct errand){.pid = pid, .agent = job->agent, .function = function, .argument = job->session};
    if (job->done < 0 || !job->agent || (session && !job->session) ||
        pthread_create(&job->thread, NULL, work, job) != 0) {
        free_job(job);
        return NULL;
    }
    return job;
}

struct cairn_attach_job *cairn_attach_join(pid_t pid, const char *agent, const char *session)
{
    return start(pid, agent, CAIRN_JOIN_FUNCTION, session, SEARCH_NS);
}

struct cairn_attach_job *cairn_attach_leave(pid_t pid, const char *agent)
{
    return start(pid, agent, CAIRN_LEAVE_FUNCTION, NULL, LEAVE_NS);
}

int cairn_attach_done(const struct cairn_attach_job *job)
{
    return job->done;
}

enum cairn_status cairn_attach_finish(struct cairn_attach_job *job, struct cairn_error *error)
{
    pthread_join(job->thread, NULL);
    const enum cairn_status status = job->status;
    if (status != CAIRN_OK) {
        *error = job->error;
    }
    free_job(job);
    return status;
}
