/* The session's socket: a SOCK_SEQPACKET unix socket, 0600 in a 0700 folder of its own. Takes one request a connection,
 * from processes of the same user only. */
#ifndef CAIRN_COLLECTOR_SESSION_H
#define CAIRN_COLLECTOR_SESSION_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "wire/session.h"

#define CAIRN_SESSION_PATH_MAX 108 /* of a sockaddr_un */

struct cairn_session {
    int listener;
    int spare; /* given up for a moment where there is no descriptor for who comes; −1: none */
    char folder[CAIRN_SESSION_PATH_MAX];
    char path[CAIRN_SESSION_PATH_MAX];
};

/* One request, read and checked. `pid` is the peer's as this process sees it, by the kernel's word. */
struct cairn_session_call {
    int fd;
    pid_t pid;
    struct cairn_session_request request; /* name is terminated */
};

CAIRN_MUST_CHECK enum cairn_status cairn_session_open(struct cairn_session *session,
                                                      struct cairn_error *error);
/* Says beside the socket which process this session began with, and whose session it is: a process that ran before, or wrote its
 * title over its environment, has none that does (session_client.h). */
CAIRN_MUST_CHECK enum cairn_status cairn_session_announce(const struct cairn_session *session, pid_t joined,
                                                          uint64_t start_ticks, struct cairn_error *error);
#define CAIRN_SESSION_JOINED      "joined"            /* a link to … */
#define CAIRN_SESSION_JOINED_FORM "%d.%" PRIu64 ".%d" /* PID, its start, the recorder's PID */
/* Where the folders of sessions are: XDG_RUNTIME_DIR, where it is a folder of this user alone, else NULL; and /tmp. */
const char *cairn_session_runtime_folder(void);

/* Closes and removes socket and folder. */
void cairn_session_close(struct cairn_session *session);

/* A new connection, or −1 with errno when there is none. Non-blocking, close-on-exec. */
int cairn_session_accept(const struct cairn_session *session);
/* Where that failed for want of descriptors: ends the oldest connection that waits, so that its process goes on at once. False:
 * nobody waits, or it cannot be done. */
bool cairn_session_turn_away(struct cairn_session *session);
enum cairn_session_read { CAIRN_SESSION_READ_OK, CAIRN_SESSION_READ_LATER, CAIRN_SESSION_READ_REFUSED };
/* Reads the request of connection `fd`. REFUSED: foreign user, wrong size, magic or end of file; close it. */
enum cairn_session_read cairn_session_read(int fd, struct cairn_session_call *call);
/* Answers and closes the connection; `passed_fd` −1: no descriptor. False when the peer is gone. */
bool cairn_session_answer(struct cairn_session_call *call, int32_t status, uint32_t process, int passed_fd);

#endif
