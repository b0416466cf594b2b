/* Questions that the reader answers, asked of a trace that may be anything. */
#ifndef CAIRN_TESTS_FUZZ_QUESTIONS_H
#define CAIRN_TESTS_FUZZ_QUESTIONS_H

/* Opens, asks, closes; a refusal at any point is an answer. `choice` modulo ASK_KINDS: one of the kinds of questions, or all of
 * them. One alone is tried many times as often. */
#define ASK_KINDS      16u
#define ASK_EVERYTHING 15u
void ask_some(const char *path, unsigned choice);

#endif
