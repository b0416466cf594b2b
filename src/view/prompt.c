#include "view/prompt.h"

#include <stdio.h>
#include <string.h>

#include "view/app.h"

void cairn_prompt_open(struct cairn_prompt *prompt, const struct cairn_prompt_class *class, const char *label,
                       const char *text)
{
    *prompt = (struct cairn_prompt){.class = class};
    snprintf(prompt->text, sizeof(prompt->text), "%s", text);
    snprintf(prompt->label, sizeof(prompt->label), "%s", label != NULL ? label : class->label);
    prompt->cursor = strlen(prompt->text);
}

/* Start of the character before `at`. */
static size_t before(const char *text, size_t at)
{
    while (at > 0 && ((unsigned char)text[--at] & 0xc0u) == 0x80)
        ;
    return at;
}

static size_t behind(const char *text, size_t at)
{
    const char *next = text + at;
    cairn_utf8_next(&next);
    return (size_t)(next - text);
}

static void erase(struct cairn_prompt *prompt, size_t from, size_t to)
{
    memmove(prompt->text + from, prompt->text + to, strlen(prompt->text + to) + 1);
    prompt->cursor = from;
}

static void insert(struct cairn_prompt *prompt, cairn_key key)
{
    struct cairn_buffer bytes = CAIRN_BUFFER_INIT;
    cairn_utf8_append(&bytes, key);
    const size_t length = strlen(prompt->text);
    if (!bytes.failed && length + bytes.length < sizeof(prompt->text)) {
        char *at = prompt->text + prompt->cursor;
        memmove(at + bytes.length, at, length - prompt->cursor + 1);
        memcpy(at, bytes.data, bytes.length);
        prompt->cursor += bytes.length;
    }
    cairn_buffer_release(&bytes);
}

static void set_text(struct cairn_prompt *prompt, const char *text)
{
    snprintf(prompt->text, sizeof(prompt->text), "%s", text);
    prompt->cursor = strlen(prompt->text);
}

static void recall(struct cairn_app *app, int direction)
{
    struct cairn_prompt *prompt = &app->prompt;
    if (direction < 0 && prompt->history_at == 0)
        return;
    const size_t wanted = direction > 0 ? prompt->history_at + 1 : prompt->history_at - 1;
    const char *line =
        wanted == 0 ? prompt->typed : cairn_history_line(&app->history, prompt->class->kind, wanted);
    if (line == NULL)
        return;
    if (prompt->history_at == 0)
        memcpy(prompt->typed, prompt->text, sizeof(prompt->typed));
    prompt->history_at = wanted;
    set_text(prompt, line);
}

/* Tab goes through the completions of the word as it was typed, then back to it. */
static void complete(struct cairn_app *app, int direction)
{
    struct cairn_prompt *prompt = &app->prompt;
    if (prompt->class->complete == NULL)
        return;
    if (prompt->completion == 0)
        memcpy(prompt->completed, prompt->text, sizeof(prompt->completed));
    size_t from = 0, count = 0;
    while (prompt->class->complete(app, prompt->completed, &from, count) != NULL)
        count++;
    const size_t now = prompt->completion;
    const size_t next = direction > 0 ? (now + 1) % (count + 1) : (now + count) % (count + 1);
    const char *word = next == 0 ? NULL : prompt->class->complete(app, prompt->completed, &from, next - 1);
    char text[CAIRN_PROMPT_MAX];
    if (word == NULL)
        memcpy(text, prompt->completed, sizeof(text));
    else
        snprintf(text, sizeof(text), "%.*s%s", (int)from, prompt->completed, word);
    set_text(prompt, text);
    prompt->completion = next;
    prompt->listing = count > 1;
}

static void leave(struct cairn_app *app)
{
    const struct cairn_prompt_class *class = app->prompt.class;
    app->prompt.class = NULL;
    if (class->left != NULL)
        class->left(app);
}

static void finish(struct cairn_app *app)
{
    const struct cairn_prompt_class *class = app->prompt.class;
    char text[CAIRN_PROMPT_MAX];
    memcpy(text, app->prompt.text, sizeof(text));
    app->prompt.class = NULL;
    if (class->kind != CAIRN_PROMPT_CONFIRM)
        cairn_history_add(&app->history, class->kind, text);
    class->done(app, text);
}

/* Keys that change the text or the cursor; true when the text may have changed. */
static bool edit(struct cairn_prompt *prompt, cairn_key key)
{
    const size_t length = strlen(prompt->text);
    switch (key) {
    case CAIRN_KEY_LEFT:
    case CAIRN_KEY_CTRL('B'):
        prompt->cursor = before(prompt->text, prompt->cursor);
        return false;
    case CAIRN_KEY_RIGHT:
    case CAIRN_KEY_CTRL('F'):
        if (prompt->cursor < length)
            prompt->cursor = behind(prompt->text, prompt->cursor);
        return false;
    case CAIRN_KEY_HOME:
    case CAIRN_KEY_CTRL('A'):
        prompt->cursor = 0;
        return false;
    case CAIRN_KEY_END:
    case CAIRN_KEY_CTRL('E'):
        prompt->cursor = length;
        return false;
    case CAIRN_KEY_BACKSPACE:
        if (prompt->cursor > 0)
            erase(prompt, before(prompt->text, prompt->cursor), prompt->cursor);
        return true;
    case CAIRN_KEY_DELETE:
        if (prompt->cursor < length)
            erase(prompt, prompt->cursor, behind(prompt->text, prompt->cursor));
        return true;
    case CAIRN_KEY_CTRL('U'):
        erase(prompt, 0, prompt->cursor);
        return true;
    case CAIRN_KEY_CTRL('K'):
        prompt->text[prompt->cursor] = '\0';
        return true;
    case CAIRN_KEY_CTRL('W'): {
        size_t from = prompt->cursor;
        while (from > 0 && prompt->text[from - 1] == ' ')
            from--;
        while (from > 0 && prompt->text[from - 1] != ' ')
            from--;
        erase(prompt, from, prompt->cursor);
        return true;
    }
    default:
        if (key >= ' ' && key < CAIRN_KEY_ENTER && key != 0x7f)
            insert(prompt, key);
        return true;
    }
}

void cairn_prompt_key(struct cairn_app *app, cairn_key key)
{
    struct cairn_prompt *prompt = &app->prompt;
    if (prompt->class->kind == CAIRN_PROMPT_CONFIRM) {
        if (key == 'y' || key == 'Y')
            finish(app);
        else
            leave(app);
        return;
    }
    bool changed = true;
    const size_t completion = prompt->completion;
    prompt->listing = false;
    switch (key) {
    case CAIRN_KEY_ENTER:
        finish(app);
        return;
    case CAIRN_KEY_ESC:
    case CAIRN_KEY_CTRL('C'):
    case CAIRN_KEY_CTRL('G'):
        leave(app);
        return;
    case CAIRN_KEY_UP:
    case CAIRN_KEY_CTRL('P'):
        recall(app, 1);
        break;
    case CAIRN_KEY_DOWN:
    case CAIRN_KEY_CTRL('N'):
        recall(app, -1);
        break;
    case CAIRN_KEY_TAB:
        complete(app, 1);
        break;
    case CAIRN_KEY_SHIFT_TAB:
        complete(app, -1);
        break;
    case CAIRN_KEY_BACKSPACE:
        /* Backspace on nothing leaves, as in vi. */
        if (prompt->text[0] == '\0') {
            leave(app);
            return;
        }
        edit(prompt, key);
        break;
    default:
        changed = edit(prompt, key);
    }
    if (prompt->completion == completion && key != CAIRN_KEY_TAB && key != CAIRN_KEY_SHIFT_TAB)
        prompt->completion = 0;
    if (changed && prompt->class->changed != NULL)
        prompt->class->changed(app, prompt->text);
}

void cairn_prompt_draw(const struct cairn_prompt *prompt, struct cairn_canvas *canvas, int y)
{
    const int width = canvas->width;
    cairn_draw_fill(canvas, (struct cairn_rect){0, y, width, 1}, CAIRN_STYLE_STATUS, ' ');
    const int room_for_label = prompt->class->kind == CAIRN_PROMPT_CONFIRM ? width - 1 : width / 2;
    const int label = cairn_draw_text(canvas, 0, y, room_for_label, CAIRN_STYLE_STATUS, prompt->label);
    char head[CAIRN_PROMPT_MAX];
    snprintf(head, sizeof(head), "%.*s", (int)prompt->cursor, prompt->text);
    const int at = cairn_text_width(canvas, head), room = width - label - 1;
    const int skip = at > room ? at - room : 0;
    if (prompt->class->kind == CAIRN_PROMPT_CONFIRM) {
        canvas->cursor_x = label;
        canvas->cursor_y = y;
        return;
    }
    cairn_draw_text(canvas, label, y, width - label, CAIRN_STYLE_STATUS,
                    cairn_text_skip(canvas, prompt->text, skip));
    canvas->cursor_x = label + at - skip;
    canvas->cursor_y = y;
}

#define WORDS_WIDTH 72 /* of the box that lists them, frame and all */

void cairn_prompt_draw_words(struct cairn_app *app, int y)
{
    const struct cairn_prompt *prompt = &app->prompt;
    struct cairn_canvas *canvas = &app->canvas;
    if (prompt->class == NULL || !prompt->listing)
        return;
    size_t from = 0, count = 0;
    while (prompt->class->complete(app, prompt->completed, &from, count) != NULL)
        count++;
    const int width = canvas->width < WORDS_WIDTH ? canvas->width : WORDS_WIDTH;
    const int room = y - 3, rows = (int)count < room ? (int)count : room;
    if (rows < 1)
        return;
    const int chosen = (int)prompt->completion - 1;
    const int last = (int)count - rows, wanted = chosen - rows / 2;
    const int top = wanted < 0 ? 0 : wanted > last ? last : wanted;
    char title[64];
    snprintf(title, sizeof(title), "%zu words: Tab, Shift-Tab", count);
    cairn_draw_box(canvas, (struct cairn_rect){0, y - rows - 2, width, rows + 2}, title);
    for (int i = 0; i < rows; i++) {
        struct cairn_buffer line = CAIRN_BUFFER_INIT;
        const size_t index = (size_t)top + (size_t)i;
        const char *word = prompt->class->complete(app, prompt->completed, &from, index);
        cairn_buffer_format(&line, "%s %-12s ", top + i == chosen ? ">" : " ", word != NULL ? word : "");
        if (word != NULL && prompt->class->describe != NULL)
            prompt->class->describe(prompt->completed, word, &line);
        cairn_draw_text(canvas, 1, y - 1 - rows + i, width - 2,
                        top + i == chosen ? CAIRN_STYLE_KEY : CAIRN_STYLE_TEXT, cairn_buffer_cstr(&line));
        cairn_buffer_release(&line);
    }
}
