/* The timeline above the screens: heap and RSS over the whole recording, with snapshots, named marks, the peak, A, B
 * and the moment we look at. */
#ifndef CAIRN_VIEW_STRIP_H
#define CAIRN_VIEW_STRIP_H

#include "query/timeline.h"
#include "view/canvas.h"
#include "view/facts.h"

struct cairn_app;

struct cairn_strip {
    struct cairn_rate_point *points; /* owned */
    size_t count;
    int64_t duration_ns;
    int wanted;              /* columns the points were asked for; 0: not asked yet */
    struct cairn_rect drawn; /* where the curve is: for the mouse */
};

void cairn_strip_release(struct cairn_strip *strip);
/* Asks for points when the width changed or `again`. */
void cairn_strip_ask(struct cairn_app *app, int columns, bool again);
/* Rows the strip wants on a screen of that height. */
int cairn_strip_height(int screen_height);
/* `gap` says what lies between heap and RSS; "": only how much. */
void cairn_strip_draw(struct cairn_app *app, struct cairn_canvas *canvas, struct cairn_rect area,
                      bool focused, const char *gap);
/* Heap and RSS (CAIRN_UNKNOWN: not measured) around a time. */
int64_t cairn_strip_heap(const struct cairn_strip *strip, int64_t t_ns);
/* Whether a measurement at one time may stand for another: up to a fiftieth of the recording away. */
bool cairn_is_about(int64_t duration_ns, int64_t one_ns, int64_t other_ns);
/* RSS is sampled less often: `*near` says whether the nearest sample was taken about then. */
int64_t cairn_strip_rss(const struct cairn_strip *strip, int64_t t_ns, bool *near);
/* The time at a column of the screen; false when the strip is not there. */
bool cairn_strip_time(const struct cairn_strip *strip, int x, int y, int64_t *t_ns);

#endif
