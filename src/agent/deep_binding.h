/* Libraries that a program loads with RTLD_DEEPBIND (PHP does so with its extensions): their calls are looked up in what they
 * need themselves first, in the C library, and so pass by every preloaded library. Their slots are pointed to the hooks, or what
 * they allocate would be missing, and what they free would seem to leak. */
#ifndef CAIRN_AGENT_DEEP_BINDING_H
#define CAIRN_AGENT_DEEP_BINDING_H

/* The real dlopen, and then the slots of what it loaded. `file` has a folder: it is searched for by nobody's rules. Keeps what
 * dlerror() and errno say. */
void *cairn_deep_binding_open(const char *file, int mode);

#endif
