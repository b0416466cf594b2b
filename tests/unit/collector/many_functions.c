/* One of several units of a library with long debug information, which test_symbols looks up; PART tells them apart. */
#define JOINED(a, b, c)     a##_##b##_##c
#define NAME(what, part, n) JOINED(what, part, n)
#define HELPER(n)           NAME(helper, PART, n)
#define FUNCTION(n)         NAME(function, PART, n)
#define TYPE(n)             NAME(type, PART, n)

#define MAKE(n)                                                                                              \
    struct TYPE(n) {                                                                                         \
        int first, second;                                                                                   \
        struct TYPE(n) * next;                                                                               \
    };                                                                                                       \
    static inline __attribute__((always_inline)) int HELPER(n)(const struct TYPE(n) * at, int factor)        \
    {                                                                                                        \
        return at->next ? at->next->second * factor : at->first;                                             \
    }                                                                                                        \
    int FUNCTION(n)(const struct TYPE(n) * at, int count);                                                   \
    int FUNCTION(n)(const struct TYPE(n) * at, int count)                                                    \
    {                                                                                                        \
        int sum = 0;                                                                                         \
        for (int i = 0; i < count; i++) {                                                                    \
            sum += HELPER(n)(at + i, i);                                                                     \
        }                                                                                                    \
        return sum;                                                                                          \
    }
#define MAKE_TEN(n)                                                                                          \
    MAKE(n##0)                                                                                               \
    MAKE(n##1) MAKE(n##2) MAKE(n##3) MAKE(n##4) MAKE(n##5) MAKE(n##6) MAKE(n##7) MAKE(n##8) MAKE(n##9)
#define MAKE_FIFTY(n) MAKE_TEN(n##0) MAKE_TEN(n##1) MAKE_TEN(n##2) MAKE_TEN(n##3) MAKE_TEN(n##4)

MAKE_FIFTY(1)
MAKE_FIFTY(2)
/* A unit that reaches beyond whatever an unpacked half may bring along. */
#if PART == 2
MAKE_FIFTY(3)
MAKE_FIFTY(4)
MAKE_FIFTY(5)
MAKE_FIFTY(6)
MAKE_FIFTY(7)
MAKE_FIFTY(8)
#endif
