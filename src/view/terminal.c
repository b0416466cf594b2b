#include "view/terminal.h"

#include <curses.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/sanitise.h"
#include "view/crash.h"

#define ESCAPE_DELAY_MS 25
/* Key codes of ours for sequences that ncurses has no constant for; above its own (KEY_MAX is 0777). */
#define CODE_CTRL_LEFT  0x1001
#define CODE_CTRL_RIGHT 0x1002
#define CODE_PASTE      0x1003 /* what follows is pasted, */
#define CODE_PASTED     0x1004 /* up to here */
#define CODE_NO_KEY     0x1005 /* a key that means nothing */
#define CODE_CHARACTER  0x1100 /* plus the character that a key of the keypad stands for */

#define SEQUENCE_MAX    40 /* characters of a key's sequence */
/* The pair of matches; the styles' pairs are 1 + 2 × style + selected. */
#define PAIR_MATCH (1 + 2 * CAIRN_STYLE_COUNT)

struct cairn_terminal {
    SCREEN *screen;
    struct termios settings; /* as they were before us */
    struct cairn_canvas shown;
    const struct cairn_theme *theme;
    bool colours;
    bool mouse;
    bool pasting;
    bool line_ended; /* within what is pasted */
};

/* Whether this terminal knows xterm's private sequences, or at least does not print them. */
static bool is_kin_of_xterm(void)
{
    const char *name = getenv("TERM");
    return name != NULL && strncmp(name, "vt", 2) != 0 && strcmp(name, "linux") != 0;
}

/* Asks the terminal to say what is pasted: its letters are no keys. */
static void mark_pastes(bool on)
{
    if (!is_kin_of_xterm())
        return;
    fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
    fflush(stdout);
}

enum cairn_status cairn_terminal_check(struct cairn_error *error)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "the viewer needs a terminal: %s is none; `cairn top` prints the same as text",
                          isatty(STDIN_FILENO) ? "standard output" : "standard input");
    const char *name = getenv("TERM");
    if (name == NULL || name[0] == '\0')
        return cairn_fail(
            error, CAIRN_E_SYSTEM,
            "the viewer needs a terminal: TERM is not set; `cairn top` prints the same as text");
    int found = 0;
    if (setupterm(name, STDOUT_FILENO, &found) != OK)
        return cairn_fail(
            error, CAIRN_E_SYSTEM,
            "the viewer does not know the terminal TERM=%.40s; try TERM=xterm-256color, or `cairn top`, "
            "which prints text",
            cairn_is_clean(name, strlen(name)) ? name : "?");
    const char *place_cursor = tigetstr("cup");
    del_curterm(cur_term);
    if (place_cursor == NULL)
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "the viewer needs a terminal that can place its cursor, TERM=%.40s cannot; `cairn "
                          "top` prints the same as text",
                          name);
    return CAIRN_OK;
}

/* Appends a capability without its padding ("$<2>"), which only printing terminals need. */
static void add_capability(char *out, size_t out_size, const char *name)
{
    const char *text = tigetstr(name);
    if (text == NULL || text == (char *)-1) /* NOLINT(performance-no-int-to-ptr): terminfo's own sign */
        return;
    size_t length = strlen(out);
    while (*text != '\0' && length + 1 < out_size) {
        if (text[0] == '$' && text[1] == '<') {
            text += strcspn(text, ">");
            text += *text != '\0';
            continue;
        }
        out[length++] = *text++;
    }
    out[length] = '\0';
}

static void arm_crash(const struct cairn_terminal *terminal)
{
    char sequence[256] = "";
    static const char *const capabilities[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};
    for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
        add_capability(sequence, sizeof(sequence), capabilities[i]);
    const size_t length = strlen(sequence);
    snprintf(sequence + length, sizeof(sequence) - length, "%s%s\r\n",
             tigetstr("kmous") != NULL ? "\033[?1000l\033[?1006l" : "",
             is_kin_of_xterm() ? "\033[?2004l" : "");
    cairn_crash_arm(sequence, strlen(sequence), &terminal->settings);
}

/* A keypad in its application mode says neither what is engraved on a key nor whether NumLock is on: its keys are those that move,
 * as in less, whatever the terminal's description calls them. */
static void define_keypad(void)
{
    static const struct {
        char letter;
        int code;
    } keys[] = {
        {'w', KEY_HOME},
        {'x', KEY_UP},
        {'y', KEY_PPAGE},
        {'t', KEY_LEFT},
        {'u', CODE_NO_KEY}, /* the one in the middle */
        {'v', KEY_RIGHT},
        {'q', KEY_END},
        {'r', KEY_DOWN},
        {'s', KEY_NPAGE},
        {'p', CODE_NO_KEY}, /* Insert */
        {'n', KEY_DC},
        {'M', KEY_ENTER},
        {'j', CODE_CHARACTER + '*'},
        {'k', CODE_CHARACTER + '+'},
        {'l', CODE_CHARACTER + ','},
        {'m', CODE_CHARACTER + '-'},
        {'o', CODE_CHARACTER + '/'},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char sequence[] = {'\033', 'O', keys[i].letter, '\0'};
        define_key(sequence, keys[i].code);
    }
}

/* What terminals send whose description is silent about these keys: said to be a vt100, most are xterm's kin. Left
 * undefined, the letters of a sequence would be taken for keys. */
static void define_keys(void)
{
    static const struct {
        const char *sequence;
        int code;
    } keys[] = {
        {"\033[A", KEY_UP},
        {"\033[B", KEY_DOWN},
        {"\033[C", KEY_RIGHT},
        {"\033[D", KEY_LEFT},
        {"\033OA", KEY_UP},
        {"\033OB", KEY_DOWN},
        {"\033OC", KEY_RIGHT},
        {"\033OD", KEY_LEFT},
        {"\033[1;2C", KEY_SRIGHT},
        {"\033[1;2D", KEY_SLEFT},
        {"\033[H", KEY_HOME},
        {"\033[F", KEY_END},
        {"\033OH", KEY_HOME},
        {"\033OF", KEY_END},
        {"\033[1~", KEY_HOME},
        {"\033[4~", KEY_END},
        {"\033[7~", KEY_HOME},
        {"\033[8~", KEY_END},
        {"\033[5~", KEY_PPAGE},
        {"\033[6~", KEY_NPAGE},
        {"\033[3~", KEY_DC},
        {"\033[Z", KEY_BTAB},
        {"\033OP", KEY_F(1)},
        {"\033OQ", KEY_F(2)},
        {"\033[11~", KEY_F(1)},
        {"\033[12~", KEY_F(2)},
        {"\033[1;5C", CODE_CTRL_RIGHT},
        {"\033[1;5D", CODE_CTRL_LEFT},
        {"\033[200~", CODE_PASTE},
        {"\033[201~", CODE_PASTED},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (key_defined(keys[i].sequence) == 0)
            define_key(keys[i].sequence, keys[i].code);
    define_keypad();
}

enum cairn_status cairn_terminal_open(struct cairn_terminal **out, struct cairn_error *error)
{
    struct cairn_terminal *terminal = calloc(1, sizeof(*terminal));
    if (terminal == NULL)
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out at start");
    tcgetattr(STDIN_FILENO, &terminal->settings);
    terminal->screen = newterm(NULL, stdout, stdin);
    if (terminal->screen == NULL) {
        free(terminal);
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "the terminal could not be set up; `cairn top` prints the same as text");
    }
    set_term(terminal->screen);
    arm_crash(terminal);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_DELAY_MS);
    curs_set(0);
    define_keys();
    mark_pastes(true);

    terminal->colours = has_colors() && start_color() == OK;
    if (terminal->colours)
        use_default_colors();
    *out = terminal;
    return CAIRN_OK;
}

void cairn_terminal_close(struct cairn_terminal *terminal)
{
    if (terminal == NULL)
        return;
    if (terminal->mouse)
        mousemask(0, NULL);
    mark_pastes(false);
    endwin();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->settings);
    cairn_crash_disarm();
    delscreen(terminal->screen);
    cairn_canvas_release(&terminal->shown);
    free(terminal);
}

static short ink_of(const struct cairn_look *look, bool many)
{
    return many ? look->ink : look->ink8;
}

static short paper_of(const struct cairn_look *look, bool many)
{
    return many ? look->paper : look->paper8;
}

void cairn_terminal_theme(struct cairn_terminal *terminal, const struct cairn_theme *theme, bool insist)
{
    const char *no_colour = getenv("NO_COLOR");
    if (!terminal->colours || (!insist && no_colour != NULL && no_colour[0] != '\0'))
        theme = cairn_theme_find("mono");
    terminal->theme = theme;
    if (!terminal->colours)
        return;
    const bool many = COLORS >= 256;
    for (int style = 0; style < CAIRN_STYLE_COUNT; style++) {
        const struct cairn_look *look = &theme->looks[style];
        const short ink = ink_of(look, many), paper = paper_of(look, many);
        init_pair((short)(1 + 2 * style), ink, paper);
        init_pair((short)(2 + 2 * style), ink, paper >= 0 ? paper : paper_of(&theme->selected, many));
    }
    init_pair(PAIR_MATCH, ink_of(&theme->match, many), paper_of(&theme->match, many));
}

static attr_t attributes_of(unsigned look)
{
    return ((look & CAIRN_LOOK_BOLD) != 0 ? A_BOLD : A_NORMAL) | ((look & CAIRN_LOOK_DIM) != 0 ? A_DIM : 0) |
           ((look & CAIRN_LOOK_REVERSE) != 0 ? A_REVERSE : 0) |
           ((look & CAIRN_LOOK_UNDERLINE) != 0 ? A_UNDERLINE : 0);
}

static void show_cell(const struct cairn_terminal *terminal, const struct cairn_cell *cell, int x, int y)
{
    const struct cairn_theme *theme = terminal->theme;
    const unsigned style = cell->pen & CAIRN_PEN_STYLE_MASK;
    const bool selected = (cell->pen & CAIRN_PEN_SELECTED) != 0;
    unsigned look = theme->looks[style].attributes;
    short pair = (short)(1 + 2 * (int)style + (selected ? 1 : 0));
    if (selected) {
        look |= theme->selected.attributes;
        /* Eight colours have no quiet paper: the row is shown in reverse. */
        if (terminal->colours && COLORS < 256)
            look |= CAIRN_LOOK_REVERSE;
    }
    if ((cell->pen & CAIRN_PEN_MATCH) != 0) {
        look |= theme->match.attributes;
        pair = PAIR_MATCH;
    }
    const wchar_t text[3] = {(wchar_t)cell->glyph, (wchar_t)cell->combining, L'\0'};
    cchar_t wide;
    if (setcchar(&wide, text, attributes_of(look), terminal->colours ? pair : 0, NULL) == OK)
        mvadd_wch(y, x, &wide);
}

void cairn_terminal_show(struct cairn_terminal *terminal, const struct cairn_canvas *canvas, bool anew)
{
    struct cairn_canvas *shown = &terminal->shown;
    if (shown->width != canvas->width || shown->height != canvas->height) {
        if (!cairn_canvas_resize(shown, canvas->width, canvas->height))
            return;
        anew = true;
    }
    if (anew) {
        erase();
        clearok(curscr, TRUE);
        cairn_canvas_clear(shown);
    }
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++) {
            const struct cairn_cell *cell = cairn_canvas_cell(canvas, x, y);
            struct cairn_cell *before = cairn_canvas_cell(shown, x, y);
            if (cell->glyph == before->glyph && cell->combining == before->combining &&
                cell->pen == before->pen)
                continue;
            *before = *cell;
            if (cell->glyph != 0)
                show_cell(terminal, cell, x, y);
        }
    if (canvas->cursor_x >= 0) {
        move(canvas->cursor_y, canvas->cursor_x);
        curs_set(1);
    } else {
        move(canvas->height - 1, 0);
        curs_set(0);
    }
    refresh();
}

static cairn_key translate(wint_t code)
{
    static const struct {
        wint_t code;
        cairn_key key;
    } keys[] = {
        {KEY_ENTER, CAIRN_KEY_ENTER},
        {KEY_BTAB, CAIRN_KEY_SHIFT_TAB},
        {KEY_BACKSPACE, CAIRN_KEY_BACKSPACE},
        {KEY_DC, CAIRN_KEY_DELETE},
        {KEY_UP, CAIRN_KEY_UP},
        {KEY_DOWN, CAIRN_KEY_DOWN},
        {KEY_LEFT, CAIRN_KEY_LEFT},
        {KEY_RIGHT, CAIRN_KEY_RIGHT},
        {KEY_SLEFT, CAIRN_KEY_SHIFT_LEFT},
        {KEY_SRIGHT, CAIRN_KEY_SHIFT_RIGHT},
        {CODE_CTRL_LEFT, CAIRN_KEY_CTRL_LEFT},
        {CODE_CTRL_RIGHT, CAIRN_KEY_CTRL_RIGHT},
        {KEY_PPAGE, CAIRN_KEY_PAGE_UP},
        {KEY_NPAGE, CAIRN_KEY_PAGE_DOWN},
        {KEY_HOME, CAIRN_KEY_HOME},
        {KEY_END, CAIRN_KEY_END},
        {KEY_F(1), CAIRN_KEY_F1},
        {KEY_F(2), CAIRN_KEY_F2},
    };
    if (code > CODE_CHARACTER && code < CODE_CHARACTER + 0x80)
        return (cairn_key)(code - CODE_CHARACTER);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (keys[i].code == code)
            return keys[i].key;
    return CAIRN_KEY_NONE;
}

static cairn_key translate_character(wint_t character)
{
    switch (character) {
    case '\r':
    case '\n':
        return CAIRN_KEY_ENTER;
    case '\t':
        return CAIRN_KEY_TAB;
    case 27:
        return CAIRN_KEY_ESC;
    case 8:
    case 127:
        return CAIRN_KEY_BACKSPACE;
    default:
        return (cairn_key)character;
    }
}

static struct cairn_input read_mouse(void)
{
    MEVENT event;
    struct cairn_input input = {.kind = CAIRN_INPUT_KEY, .key = CAIRN_KEY_NONE};
    if (getmouse(&event) != OK)
        return input;
    input.x = event.x;
    input.y = event.y;
    if ((event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED)) != 0)
        input.kind = CAIRN_INPUT_CLICK;
    else if ((event.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)) != 0) {
        input.kind = CAIRN_INPUT_WHEEL;
        input.rows = (event.bstate & BUTTON4_PRESSED) != 0 ? -3 : 3;
    }
    return input;
}

/* Whether an ESC began the sequence of a key that nobody defined (Ctrl-Shift-F5, a report): then it is taken. Its letters are no
 * keys; what is no sequence stays to be read. */
static bool take_sequence(void)
{
    wint_t read[SEQUENCE_MAX];
    int count = 0, kind = get_wch(&read[0]);
    const bool control = kind == OK && read[0] == '[';
    if (kind == KEY_CODE_YES)
        ungetch((int)read[0]);
    if (kind != OK)
        return false;
    count++;
    if (control || read[0] == 'O')
        while (count < SEQUENCE_MAX && (kind = get_wch(&read[count])) == OK && read[count++] < '@')
            ;
    const wint_t last = read[count - 1];
    /* "[" or "O" and a small letter may well have been typed behind Esc. */
    if (kind == OK && count > 1 &&
        (control && count > 2 ? last >= '@' && last <= '~' : last >= 'A' && last <= 'Z'))
        return true;
    if (kind == KEY_CODE_YES)
        ungetch((int)read[count]);
    while (count > 0)
        unget_wch((wchar_t)read[--count]);
    return false;
}

static struct cairn_input read_pasted(struct cairn_terminal *terminal, int kind, wint_t code)
{
    struct cairn_input input = {.kind = CAIRN_INPUT_PASTE, .key = CAIRN_KEY_NONE};
    if (kind == OK && (code == '\r' || code == '\n')) {
        terminal->line_ended = true;
    } else if (kind == OK && terminal->line_ended) {
        terminal->line_ended = false;
        unget_wch((wchar_t)code);
        input.key = ' ';
    } else if (kind == OK) {
        input.key = code == '\t' ? ' ' : code >= ' ' ? (cairn_key)code : CAIRN_KEY_NONE;
    }
    return input;
}

/* A readable terminal with nothing to read is at its end. */
static bool is_gone(void)
{
    struct pollfd descriptor = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&descriptor, 1, 0) <= 0)
        return false;
    if ((descriptor.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        return true;
    int pending = 0;
    return ioctl(STDIN_FILENO, FIONREAD, &pending) != 0 || pending == 0;
}

struct cairn_input cairn_terminal_read(struct cairn_terminal *terminal)
{
    set_term(terminal->screen);
    wint_t code = 0;
    const int kind = get_wch(&code);
    if (kind == ERR)
        return (struct cairn_input){.kind = is_gone() ? CAIRN_INPUT_GONE : CAIRN_INPUT_NONE};
    if (kind == KEY_CODE_YES && (code == CODE_PASTE || code == CODE_PASTED)) {
        terminal->pasting = code == CODE_PASTE;
        terminal->line_ended = false;
        return (struct cairn_input){.kind = CAIRN_INPUT_PASTE};
    }
    /* Ctrl-C is never pasted: the end of what is may have been lost. */
    terminal->pasting &= kind == KEY_CODE_YES || code != CAIRN_KEY_CTRL('C');
    if (terminal->pasting)
        return read_pasted(terminal, kind, code);
    if (kind == KEY_CODE_YES && code == KEY_MOUSE)
        return read_mouse();
    if (kind == OK && code == 27 && take_sequence())
        return (struct cairn_input){.kind = CAIRN_INPUT_KEY, .key = CAIRN_KEY_NONE};
    return (struct cairn_input){.kind = CAIRN_INPUT_KEY,
                                .key = kind == KEY_CODE_YES ? translate(code) : translate_character(code)};
}

void cairn_terminal_size(struct cairn_terminal *terminal, int *width, int *height)
{
    set_term(terminal->screen);
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        (size.ws_row != LINES || size.ws_col != COLS))
        resizeterm(size.ws_row, size.ws_col);
    *width = COLS;
    *height = LINES;
}

void cairn_terminal_mouse(struct cairn_terminal *terminal, bool on)
{
    terminal->mouse = on;
    mouseinterval(0);
    mousemask(on ? BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
}

void cairn_terminal_suspend(struct cairn_terminal *terminal)
{
    def_prog_mode();
    mark_pastes(false);
    endwin();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->settings);
}

void cairn_terminal_resume(struct cairn_terminal *terminal)
{
    /* The shell may have changed its settings meanwhile: those are what we give back at the end. */
    tcgetattr(STDIN_FILENO, &terminal->settings);
    reset_prog_mode();
    clearok(curscr, TRUE);
    refresh();
    mark_pastes(true);
}

static void append_base64(struct cairn_buffer *out, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = (const unsigned char *)text;
    const size_t length = strlen(text);
    for (size_t i = 0; i < length; i += 3) {
        const size_t left = length - i;
        const unsigned group = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                               (left > 2 ? (unsigned)bytes[i + 2] : 0);
        cairn_buffer_byte(out, digits[group >> 18 & 63]);
        cairn_buffer_byte(out, digits[group >> 12 & 63]);
        cairn_buffer_byte(out, left > 1 ? digits[group >> 6 & 63] : '=');
        cairn_buffer_byte(out, left > 2 ? digits[group & 63] : '=');
    }
}

void cairn_terminal_copy(struct cairn_terminal *terminal, const char *text)
{
    (void)terminal;
    if (!is_kin_of_xterm())
        return; /* would print the sequence */
    struct cairn_buffer sequence = CAIRN_BUFFER_INIT;
    cairn_buffer_text(&sequence, "\033]52;c;");
    append_base64(&sequence, text);
    cairn_buffer_text(&sequence, "\a");
    fputs(cairn_buffer_cstr(&sequence), stdout);
    fflush(stdout);
    cairn_buffer_release(&sequence);
}
