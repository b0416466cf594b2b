/* Talking to the collector: one message each way over the session's socket. No descriptor outlives a call. */
#ifndef CAIRN_AGENT_SESSION_H
#define CAIRN_AGENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "wire/ring.h"
#include "wire/session.h"

/* Where the socket is, as the environment says. False when this process is not to be recorded. Copies the path: the
 * program may change its environment later. */
bool cairn_session_locate(void);
/* Another recording begins: its socket is `where`. False where that cannot be one. */
bool cairn_session_move(const char *where);
/* The same path, for the environment of programs this one starts. */
const char *cairn_session_path(void);

/* Whether the socket is still there for this process, which may have changed its root folder or its user. */
bool cairn_session_is_reachable(void);

/* Asks for the first segment of this process (HELLO) or another one (SEGMENT), and maps it: over what is at `where`, or
 * anywhere (NULL). NULL when the collector refuses or cannot be reached, which `reached` tells apart. */
struct cairn_segment_header *cairn_session_segment(const struct cairn_session_request *request, void *where,
                                                   bool *reached);

/* Opens a stream to the collector with that request, −1 when there is none. Messages go by cairn_session_send(); a minute
 * without a move of the other side is a failure. */
int cairn_session_stream(const struct cairn_session_request *request);
bool cairn_session_send(int fd, const void *message, size_t bytes);
/* Waits for a message of the other side: its bytes, 0 when it hung up, or −errno (−EAGAIN: it did not come in `seconds`, or the
 * collector has died). Changes how long the socket waits. */
long cairn_session_receive(int fd, struct msghdr *message, long seconds);

#endif
