/* Lists that lie over the screen: help and the process picker. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "view/app.h"
#include "view/commands.h"

static const struct cairn_column help_columns[] = {{.title = "", .kind = CAIRN_COLUMN_NAME}};
static const struct cairn_column process_columns[] = {
    {.title = "PEAK", .kind = CAIRN_COLUMN_BYTES, .width = 7, .value = 0, .sort = "peak"},
    {.title = "AT END", .kind = CAIRN_COLUMN_BYTES, .width = 7, .value = 1, .sort = "end"},
    {.title = "process", .kind = CAIRN_COLUMN_NAME, .sort = "name"},
};

static void open_list(struct cairn_app *app, enum cairn_overlay overlay, const char *title,
                      const struct cairn_column *columns, size_t column_count, struct cairn_rows *rows)
{
    cairn_outline_release(&app->list);
    cairn_outline_init(&app->list, columns, column_count, 0);
    cairn_outline_set_rows(&app->list, rows);
    app->overlay = overlay;
    app->list_title = title;
}

void cairn_app_pick(struct cairn_app *app, const char *title, const struct cairn_column *columns,
                    size_t column_count, struct cairn_rows *rows, uint64_t current,
                    void (*picked)(struct cairn_app *app, const struct cairn_row *row))
{
    open_list(app, CAIRN_OVERLAY_PICKER, title, columns, column_count, rows);
    cairn_outline_reveal(&app->list, cairn_outline_find(&app->list, current));
    app->picked = picked;
}

/* Columns of the box that the list stands in. */
static int box_width(const struct cairn_app *app)
{
    return app->canvas.width - 4 < 84 ? app->canvas.width - 4 : 84;
}

/* --- Help: the key table, for this screen. --- */

#define NAME_COLUMNS 21 /* keys and commands, with blanks around them */
#define TEXT_LEAST   30 /* in fewer columns, what they do stands below them */
#define ROW_EDGES    4  /* columns of a line that are not its text: the frame, the cursor's */

#define KEY_OF_LINE  0x10000u /* added to an entry's key for each line behind its first */

struct help {
    struct cairn_rows rows;
    int width; /* columns of a line */
    uint64_t entries;
};

static void add_help_line(struct help *help, uint64_t key, bool heading, const char *text)
{
    struct cairn_row *row = cairn_rows_add(&help->rows, CAIRN_NO_PARENT);
    if (row == NULL)
        return;
    row->key = key;
    row->heading = heading;
    row->name = cairn_rows_clean(&help->rows, text);
}

static void add_heading(struct help *help, const char *text)
{
    add_help_line(help, ++help->entries, true, text);
}

/* Bytes of `text` that stand in one line: all of it, or up to a blank. One column a byte. */
static int line_length(const char *text, int width)
{
    int length = (int)strlen(text);
    if (length <= width)
        return length;
    for (length = width; length > 0 && text[length] != ' '; length--)
        ;
    return length > 0 ? length : width;
}

/* A name and what it does: whole, over as many lines as that takes. */
static void add_entry(struct help *help, const char *name, const char *text)
{
    char line[160];
    const bool below = help->width - NAME_COLUMNS < TEXT_LEAST;
    const int indent = below ? 6 : NAME_COLUMNS;
    const int width = help->width > indent ? help->width - indent : 1;
    uint64_t key = ++help->entries;
    if (below) {
        snprintf(line, sizeof(line), "  %s", name);
        add_help_line(help, key, false, line);
        key += KEY_OF_LINE;
        name = "";
    }
    for (; *text != '\0'; key += KEY_OF_LINE) {
        const int length = line_length(text, width);
        snprintf(line, sizeof(line), "  %-*s %.*s", indent - 3, name, length, text);
        add_help_line(help, key, false, line);
        text += length + (text[length] == ' ');
        name = "";
    }
}

static void add_screens(struct help *help)
{
    const struct cairn_screen_class *class;
    for (size_t i = 0; (class = cairn_screen_class_at(i)) != NULL; i++) {
        const char digit[] = {class->digit, '\0'};
        char text[160];
        snprintf(text, sizeof(text), "%s: %s", class->name, class->summary);
        if (class->digit != 0)
            add_entry(help, digit, text);
    }
}

static void add_binding(struct help *help, const struct cairn_key_binding *binding)
{
    struct cairn_buffer keys = CAIRN_BUFFER_INIT;
    cairn_key_names(binding, &keys);
    add_entry(help, cairn_buffer_cstr(&keys), binding->help);
    cairn_buffer_release(&keys);
}

static void add_commands(struct help *help)
{
    struct cairn_command_facts command;
    add_heading(help, "Command line");
    for (size_t i = 0; cairn_command_at(i, &command); i++) {
        char name[80];
        snprintf(name, sizeof(name), ":%s %s", command.name, command.argument);
        add_entry(help, name, command.help);
    }
}

/* What is this screen's own comes first, then what holds everywhere, by group. */
void cairn_app_help(struct cairn_app *app)
{
    struct help help = {.width = box_width(app) - ROW_EDGES};
    const struct cairn_screen_class *class = cairn_app_screen(app)->class;
    const unsigned here = CAIRN_ON(class->id);
    const struct cairn_key_binding *binding;
    const char *group;
    add_heading(&help, class->name);
    for (size_t i = 0; (binding = cairn_key_binding_at(i)) != NULL; i++)
        if ((binding->screens & here) != 0 && !cairn_key_is_general(binding))
            add_binding(&help, binding);
    for (size_t g = 0; (group = cairn_key_group_at(g)) != NULL; g++) {
        bool any = strcmp(group, "Screens") == 0;
        if (any) {
            add_heading(&help, group);
            add_screens(&help);
        }
        for (size_t i = 0; (binding = cairn_key_binding_at(i)) != NULL; i++) {
            if (binding->group != group || (binding->screens & here) == 0 || !cairn_key_is_general(binding))
                continue;
            if (!any)
                add_heading(&help, group);
            any = true;
            add_binding(&help, binding);
        }
    }
    add_commands(&help);
    open_list(app, CAIRN_OVERLAY_HELP, class->name, help_columns, 1, &help.rows);
}

void cairn_app_overlay_resize(struct cairn_app *app)
{
    if (app->overlay != CAIRN_OVERLAY_HELP)
        return;
    const struct cairn_row *row = cairn_outline_current(&app->list);
    const uint64_t key = row != NULL ? row->key % KEY_OF_LINE : 0;
    cairn_app_help(app);
    cairn_outline_reveal(&app->list, cairn_outline_find(&app->list, key));
}

/* --- Which process. --- */

static void add_process(struct cairn_rows *rows, uint32_t process, int64_t peak, int64_t end,
                        const char *name)
{
    struct cairn_row *row = cairn_rows_add(rows, CAIRN_NO_PARENT);
    if (row == NULL)
        return;
    row->first = process == 0;
    row->key = process;
    row->values[0] = peak;
    row->values[1] = end;
    row->name = name;
}

static void picked_process(struct cairn_app *app, const struct cairn_row *row)
{
    cairn_app_say(app, "%s", row->name);
    cairn_app_set_process(app, (uint32_t)row->key);
}

void cairn_app_pick_process(struct cairn_app *app)
{
    const struct cairn_facts *facts = &app->facts;
    if (facts->process_count < 2) {
        cairn_app_say(app, "this recording has one process");
        return;
    }
    struct cairn_rows rows = {.items = NULL};
    char pid[CAIRN_HUMAN_MAX];
    int number_width = 0, pid_width = 0;
    for (size_t i = 0; i < facts->process_count; i++) {
        const int number = snprintf(NULL, 0, "%u", (unsigned)facts->processes[i].process);
        const int width = cairn_text_width(&app->canvas, cairn_pid_text(facts->processes[i].pid, pid));
        number_width = number > number_width ? number : number_width;
        pid_width = width > pid_width ? width : pid_width;
    }
    add_process(&rows, 0, facts->peak_bytes, CAIRN_UNKNOWN, "all processes, summed");
    for (size_t i = 0; i < facts->process_count; i++) {
        const struct cairn_fact_process *process = &facts->processes[i];
        add_process(&rows, process->process, process->peak_bytes, process->end_bytes,
                    cairn_rows_format(&rows, "%*u  %-*s  %s", number_width, (unsigned)process->process,
                                      pid_width, cairn_pid_text(process->pid, pid), process->program));
    }
    cairn_app_pick(app, "Which process?", process_columns, 3, &rows, app->question.process, picked_process);
}

/* --- Keys and drawing. --- */

/* The keys of a plain table; others do nothing here, and say so. */
static void act_on_list(struct cairn_app *app, cairn_key key)
{
    const struct cairn_key_binding *binding = cairn_key_lookup(key, CAIRN_SCREEN_OVERVIEW);
    char name[CAIRN_KEY_NAME_MAX];
    if (binding != NULL && cairn_act_on_rows(&app->list, binding))
        return;
    switch (binding != NULL ? binding->action : CAIRN_DO_NOTHING) {
    case CAIRN_DO_OPEN:
    case CAIRN_DO_CLOSE:
        cairn_outline_scroll(&app->list, binding->action == CAIRN_DO_OPEN);
        break;
    case CAIRN_DO_SEARCH:
        cairn_app_search_prompt(app);
        break;
    case CAIRN_DO_SEARCH_AGAIN:
        cairn_app_search_again(app, binding->argument);
        break;
    case CAIRN_DO_MOUSE:
    case CAIRN_DO_SUSPEND:
    case CAIRN_DO_REDRAW:
        cairn_app_act(app, binding);
        break;
    default:
        if (key != CAIRN_KEY_NONE)
            cairn_app_say(app, "%s does nothing in this list; Esc closes it", cairn_key_name(key, name));
    }
}

void cairn_app_overlay_key(struct cairn_app *app, cairn_key key)
{
    const struct cairn_row *row = cairn_outline_current(&app->list);
    switch (key) {
    case 'Q':
        app->quit = true;
        break;
    case CAIRN_KEY_ENTER:
        if (app->overlay == CAIRN_OVERLAY_PICKER && row != NULL)
            app->picked(app, row);
        app->overlay = CAIRN_OVERLAY_NONE;
        break;
    case CAIRN_KEY_ESC:
    case CAIRN_KEY_BACKSPACE:
    case CAIRN_KEY_F1:
    case CAIRN_KEY_CTRL('C'):
    case '?':
    case 'q':
        app->overlay = CAIRN_OVERLAY_NONE;
        break;
    default:
        act_on_list(app, key);
    }
}

void cairn_app_overlay_draw(struct cairn_app *app)
{
    if (app->overlay == CAIRN_OVERLAY_NONE)
        return;
    struct cairn_canvas *canvas = &app->canvas;
    const bool help = app->overlay == CAIRN_OVERLAY_HELP;
    const int width = box_width(app);
    const int wanted = (int)app->list.visible_count + (help ? 2 : 3);
    /* The title, and the line of messages and prompts, stay free. */
    const int room = canvas->height - 3, height = room < wanted ? room : wanted;
    const struct cairn_rect box = {(canvas->width - width) / 2, 1 + (room - height) / 2, width, height};
    char title[128];
    snprintf(title, sizeof(title), help ? "Keys on %s" : "%s", app->list_title);
    cairn_draw_box(canvas, box, title);
    /* Help has no columns to name: its head line lies under the frame's upper edge. */
    const struct cairn_outline_look look = {.focused = true, .match = cairn_app_match(app)};
    const struct cairn_rect inside = {box.x + 1, box.y + (help ? 0 : 1), box.width - 2,
                                      box.height - (help ? 1 : 2)};
    cairn_outline_draw(&app->list, canvas, inside, &look);
    if (help)
        cairn_draw_box_edge(canvas, box, title);
    cairn_draw_text(canvas, box.x + 2, box.y + box.height - 1, box.width - 4, CAIRN_STYLE_DIM,
                    help ? " j k move  / find  Esc closes "
                         : " j k move  / find  Enter chooses  Esc closes ");
}
