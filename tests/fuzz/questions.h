/* Every question that the reader answers, asked of a trace that may be anything. */
#ifndef CAIRN_TESTS_FUZZ_QUESTIONS_H
#define CAIRN_TESTS_FUZZ_QUESTIONS_H

/* Opens, asks, closes; a refusal at any point is an answer. */
void ask_everything(const char *path);

#endif
