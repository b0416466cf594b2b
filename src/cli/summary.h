/* What `record` says on standard error when the program has ended. */
#ifndef CAIRN_CLI_SUMMARY_H
#define CAIRN_CLI_SUMMARY_H

/* File, duration, peak, live at exit, the three top sites, what has no symbols and the mend, and what to type next. */
void cairn_summary(const char *path);

#endif
