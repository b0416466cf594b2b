#include "view/source.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitise.h"

#define FILE_BYTES_MAX (8 << 20)
#define TAB_WIDTH      4
#define LINE_BYTES_MAX 1024

void cairn_source_release(struct cairn_source *source)
{
    cairn_arena_release(&source->arena);
    *source = (struct cairn_source){.title = ""};
}

static int open_beneath(int root, const char *path)
{
    const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    const int descriptor = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    struct stat status;
    if (descriptor >= 0 &&
        (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX)) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

int cairn_source_open(const char *root, const char *path, char *found, size_t found_size)
{
    const int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    int descriptor = -1;
    while (descriptor < 0 && path != NULL) {
        path += strspn(path, "/");
        if (*path == '\0')
            break;
        descriptor = open_beneath(folder, path);
        if (descriptor >= 0 && found != NULL)
            snprintf(found, found_size, "%s/%s", root, path);
        path = strchr(path, '/');
    }
    close(folder);
    return descriptor;
}

/* Appends a line; text beyond what any screen shows is cut. */
static bool add_line(struct cairn_source *source, int64_t number, const char *text, size_t length)
{
    char expanded[LINE_BYTES_MAX];
    size_t used = 0;
    for (size_t i = 0; i < length && used + TAB_WIDTH < sizeof(expanded); i++) {
        if (text[i] == '\r')
            continue;
        size_t blanks = text[i] == '\t' ? TAB_WIDTH - used % TAB_WIDTH : 0;
        if (blanks == 0)
            expanded[used++] = text[i];
        while (blanks-- > 0)
            expanded[used++] = ' ';
    }
    const size_t needed = cairn_sanitise(NULL, 0, expanded, used) + 1;
    char *clean = cairn_arena_alloc(&source->arena, needed);
    if (clean == NULL)
        return false;
    cairn_sanitise(clean, needed, expanded, used);
    source->lines[source->count++] = (struct cairn_source_text){.number = number, .text = clean};
    return true;
}

static bool load_file(struct cairn_source *source, const char *root, const char *path)
{
    const int descriptor = cairn_source_open(root, path, NULL, 0);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "r") : NULL;
    if (file == NULL) {
        if (descriptor >= 0)
            close(descriptor);
        return false;
    }
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    for (int64_t number = 1; (length = getline(&line, &capacity, file)) >= 0; number++) {
        if (number > source->line + CAIRN_SOURCE_RADIUS)
            break;
        if (number < source->line - CAIRN_SOURCE_RADIUS)
            continue;
        if (length > 0 && line[length - 1] == '\n')
            length--;
        if (!add_line(source, number, line, (size_t)length))
            break;
    }
    free(line);
    fclose(file);
    return source->count > 0;
}

static enum cairn_status load_excerpt(struct cairn_source *source, struct cairn_trace *trace, uint32_t file,
                                      struct cairn_error *error)
{
    struct cairn_source_line *rows = NULL;
    size_t count = 0;
    const int64_t first = source->line > CAIRN_SOURCE_RADIUS ? source->line - CAIRN_SOURCE_RADIUS : 1;
    const enum cairn_status status =
        cairn_trace_source(trace, file, first, source->line + CAIRN_SOURCE_RADIUS, &rows, &count, error);
    if (status != CAIRN_OK)
        return status;
    for (size_t i = 0; i < count && source->count <= 2 * CAIRN_SOURCE_RADIUS; i++)
        if (!add_line(source, rows[i].line, rows[i].text, strlen(rows[i].text)))
            break;
    free(rows);
    return CAIRN_OK;
}

enum cairn_status cairn_source_load(struct cairn_source *source, struct cairn_reader *reader,
                                    struct cairn_trace *trace, uint32_t file, int64_t line,
                                    struct cairn_error *error)
{
    *source = (struct cairn_source){.title = "", .line = line};
    const struct cairn_source_file *row = file != 0 ? cairn_trace_source_file(trace, file) : NULL;
    if (row == NULL || line <= 0) {
        source->why_not = row == NULL ? "no source file is known for this place"
                                      : "more than one line: group by line (m) to tell them apart";
        return CAIRN_OK;
    }
    char title[512], clean[512];
    const char *slash = strrchr(row->path, '/');
    snprintf(title, sizeof(title), "%s:%" PRId64, slash != NULL && slash[1] != '\0' ? slash + 1 : row->path,
             line);
    cairn_sanitise(clean, sizeof(clean), title, strlen(title));
    source->title = cairn_arena_copy(&source->arena, clean, strlen(clean));
    source->lines = cairn_arena_alloc(&source->arena, (2 * CAIRN_SOURCE_RADIUS + 2) * sizeof(*source->lines));
    if (source->title == NULL || source->lines == NULL)
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out while source was read");
    const char *root = cairn_reader_source_root(reader);
    if (root == NULL || !load_file(source, root, row->path)) {
        const enum cairn_status status = load_excerpt(source, trace, file, error);
        if (status != CAIRN_OK)
            return status;
    }
    if (source->count == 0)
        source->why_not = "the trace holds no source of this place; --source-root DIR shows yours";
    return CAIRN_OK;
}

static void draw_line(const struct cairn_source *source, const struct cairn_source_text *line,
                      struct cairn_canvas *canvas, struct cairn_rect area, int y)
{
    const unsigned flags = line->number == source->line ? CAIRN_PEN_SELECTED : 0;
    if (flags != 0)
        cairn_draw_fill(canvas, (struct cairn_rect){area.x, y, area.width, 1}, flags, ' ');
    cairn_draw_format(canvas, area.x, y, 8, (flags != 0 ? CAIRN_STYLE_KEY : CAIRN_STYLE_DIM) | flags,
                      "%s%5" PRId64, flags != 0 ? ">" : " ", line->number);
    cairn_draw_text(canvas, area.x + 8, y, area.width - 8, CAIRN_STYLE_TEXT | flags, line->text);
}

void cairn_source_draw(const struct cairn_source *source, struct cairn_canvas *canvas, struct cairn_rect area)
{
    if (area.height < 2 || area.width < 12)
        return;
    cairn_draw_fill(canvas, (struct cairn_rect){area.x, area.y, area.width, 1}, CAIRN_STYLE_BORDER, 0x2500);
    cairn_draw_format(canvas, area.x + 2, area.y, area.width - 4, CAIRN_STYLE_HEADING, " %s ",
                      source->title != NULL && source->title[0] != '\0' ? source->title : "source");
    if (source->count == 0) {
        if (source->why_not != NULL)
            cairn_draw_text(canvas, area.x + 1, area.y + 1, area.width - 1, CAIRN_STYLE_DIM, source->why_not);
        return;
    }
    /* Excerpts have holes: a line of their own shows where. */
    size_t at = 0, shown = 0;
    while (at + 1 < source->count && source->lines[at].number < source->line)
        at++;
    const size_t room = (size_t)(area.height - 1), half = room / 2;
    size_t from = at > half ? at - half : 0;
    if (from + room > source->count)
        from = source->count > room ? source->count - room : 0;
    for (size_t i = from; shown < room && i < source->count; i++) {
        if (i > from && source->lines[i].number > source->lines[i - 1].number + 1) {
            cairn_draw_text(canvas, area.x, area.y + 1 + (int)shown++, 6, CAIRN_STYLE_DIM, "     …");
            if (shown == room)
                break;
        }
        draw_line(source, &source->lines[i], canvas, area, area.y + 1 + (int)shown++);
    }
}
