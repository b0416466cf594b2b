/* A small server that leaks, for `cairn demo`: three seconds in which
 *
 *   load_catalogue  reads its data once and keeps it,
 *   serve           answers requests: the parser makes many short-lived copies, the session cache forgets to evict,
 *   print_report    sorts a copy of everything: the burst that makes the peak,
 *
 * and the moments between them are named: @warm, @burst, @done. `cairn diff @warm @done` points at the leak. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cairn/cairn.h>

#define PRODUCTS      4000
#define REQUESTS      1300
#define BUCKETS       256
#define PAUSE_NS      2000000 /* after each request */
#define SESSION_BYTES 3000

struct product {
    char *name;
    char *description;
    unsigned price;
};

struct request {
    char user[32];
    unsigned item, count;
};

struct session {
    struct session *next;
    char *user;
    char *history;
};

struct shop {
    struct product *products;
    struct session *sessions[BUCKETS];
    uint64_t random;
};

static void *check(void *memory)
{
    if (memory == NULL) {
        fputs("leaky: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static unsigned next_random(struct shop *shop, unsigned below)
{
    shop->random = shop->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(shop->random >> 33) % below;
}

static char *describe(unsigned number)
{
    char text[96];
    snprintf(text, sizeof text, "product %u, made of %s, ships in %u days", number,
             number % 3 == 0   ? "oak"
             : number % 3 == 1 ? "steel"
                               : "recycled glass",
             1 + number % 9);
    return check(strdup(text));
}

static void load_catalogue(struct shop *shop)
{
    shop->products = check(calloc(PRODUCTS, sizeof *shop->products));
    for (unsigned i = 0; i < PRODUCTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "P-%05u", i);
        shop->products[i] = (struct product){
            .name = check(strdup(name)), .description = describe(i), .price = 100 + next_random(shop, 9900)};
    }
}

/* Reads one field of "user=...;item=...;..." into a copy of its own, as parsers do that were never measured: every copy
 * is garbage a moment later. */
static void read_field(struct request *request, const char *field, size_t length)
{
    char *copy = check(strndup(field, length));
    char *value = strchr(copy, '=');
    if (value != NULL) {
        *value++ = '\0';
        if (strcmp(copy, "user") == 0) {
            snprintf(request->user, sizeof request->user, "%s", value);
        } else if (strcmp(copy, "item") == 0) {
            request->item = (unsigned)strtoul(value + strlen("P-"), NULL, 10);
        } else if (strcmp(copy, "count") == 0) {
            request->count = (unsigned)strtoul(value, NULL, 10);
        }
    }
    free(copy);
}

static void parse_request(struct request *request, const char *text)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, ";");
        read_field(request, text, length);
        text += length + (text[length] == ';' ? 1 : 0);
    }
}

static unsigned hash(const char *text)
{
    unsigned value = 5381;
    for (; *text != '\0'; text++) {
        value = value * 33 + (unsigned char)*text;
    }
    return value % BUCKETS;
}

/* The leak: users come with a new suffix in every request, so nothing is found again and nothing is ever thrown out. */
static struct session *remember_session(struct shop *shop, const char *user)
{
    struct session **bucket = &shop->sessions[hash(user)];
    for (struct session *session = *bucket; session != NULL; session = session->next) {
        if (strcmp(session->user, user) == 0) {
            return session;
        }
    }
    struct session *session = check(malloc(sizeof *session));
    *session = (struct session){
        .next = *bucket, .user = check(strdup(user)), .history = check(calloc(1, SESSION_BYTES))};
    *bucket = session;
    return session;
}

static unsigned answer(struct shop *shop, unsigned number)
{
    char text[160];
    snprintf(text, sizeof text, "user=guest-%u;item=P-%05u;count=%u;coupon=;lang=en;theme=dark", number,
             next_random(shop, PRODUCTS), 1 + next_random(shop, 5));
    struct request request = {.item = 0};
    parse_request(&request, text);
    struct session *session = remember_session(shop, request.user);
    const struct product *product = &shop->products[request.item % PRODUCTS];
    snprintf(session->history, SESSION_BYTES, "bought %u of %s", request.count, product->name);
    return product->price * request.count;
}

static unsigned serve(struct shop *shop, unsigned from, unsigned to)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    unsigned turnover = 0;
    for (unsigned i = from; i < to; i++) {
        turnover += answer(shop, i);
        nanosleep(&pause, NULL);
    }
    return turnover;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A copy of everything at once, sorted, counted, and thrown away. */
static size_t print_report(const struct shop *shop)
{
    enum { COPIES = 24 };
    const size_t lines = (size_t)PRODUCTS * COPIES;
    char **report = check(malloc(lines * sizeof *report));
    size_t distinct = 0;
    for (size_t i = 0; i < lines; i++) {
        report[i] = check(strdup(shop->products[i % PRODUCTS].description));
    }
    qsort(report, lines, sizeof *report, compare_lines);
    for (size_t i = 0; i < lines; i++) {
        distinct += i == 0 || strcmp(report[i - 1], report[i]) != 0 ? 1 : 0;
    }
    for (size_t i = 0; i < lines; i++) {
        free(report[i]);
    }
    free(report);
    return distinct;
}

int main(void)
{
    struct shop shop = {.random = 20240229};
    load_catalogue(&shop);
    cairn_mark("warm");
    unsigned turnover = serve(&shop, 0, REQUESTS / 2);
    cairn_mark("burst");
    const size_t distinct = print_report(&shop);
    turnover += serve(&shop, REQUESTS / 2, REQUESTS);
    cairn_mark("done");
    return turnover > 0 && distinct == PRODUCTS ? 0 : 1;
}
