/* Stacks that are large enough, whatever limit this process was started with: who records a program with a small stack wants to see
 * the program meet its limit, not the recorder. The limit itself stays as it is, for the program. */
#ifndef CAIRN_BASE_OWN_STACK_H
#define CAIRN_BASE_OWN_STACK_H

/* Calls `work` on a stack of 2 MiB or more and returns what it returns; threads that are started from now on have as much. Without
 * memory for that they keep what they have. Once in a process, on its first thread. */
int cairn_own_stack_run(int (*work)(int argc, char **argv), int argc, char **argv);

#endif
