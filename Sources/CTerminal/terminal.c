#define NCURSES_WIDECHAR 1
// wcwidth and wide-character curses.
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#define _DARWIN_C_SOURCE 1
// Plain functions in place of macros.
#define NCURSES_NOMACROS 1

#include "CTerminal.h"
#include "signals.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

static SCREEN *screen;
static bool is_open;
static bool has_title;
static bool uses_direct_color;
static bool uses_mouse;
static MEVENT mouse;

// Colour pairs are handed out as they are asked for; pair 0 is the terminal's own colours.
#define PAIRS 512
static struct {
    int foreground, background;
} pairs[PAIRS];
static int pair_count;

bool lk_locale_is_utf8(void) {
    if (setlocale(LC_CTYPE, "") == NULL) {
        // A locale that is named but not installed: its encoding is still what the terminal speaks.
        const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
        for (int i = 0; i < 3; i++) {
            const char *value = getenv(names[i]);
            if (value == NULL || *value == 0) continue;
            const char *encoding = strchr(value, '.');
            if (encoding != NULL
                && (strcasecmp(encoding, ".UTF-8") == 0 || strcasecmp(encoding, ".utf8") == 0))
                if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) setlocale(LC_CTYPE, "UTF-8");
            break;
        }
    }
    return strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int lk_code_point_width(uint32_t code_point) { return wcwidth((wchar_t)code_point); }

// What a crash writes: no mouse, leave the alternate screen, plain text, visible cursor.
static char collected[512];
static size_t collected_length;
static int collect(int byte) {
    if (collected_length < sizeof collected) collected[collected_length++] = (char)byte;
    return byte;
}

static void prepare_last_words(void) {
    const char *names[] = {"sgr0", "op", "rmcup", "rmkx", "cnorm"};
    collected_length = 0;
    if (uses_mouse) {
        char *switches = tigetstr("XM");
        if (switches != NULL && switches != (char *)-1) tputs(tiparm(switches, 0), 1, collect);
    }
    for (int i = 0; i < 5; i++) {
        char *text = tigetstr(names[i]);
        if (text != NULL && text != (char *)-1) tputs(text, 1, collect);
    }
    signals_set_last_words(collected, collected_length);
}

static void take_colors(void) {
    pair_count = 1;
    pairs[0].foreground = pairs[0].background = -1;
    uses_direct_color = false;
    if (!has_colors()) return;
    start_color();
    use_default_colors();
    uses_direct_color = tigetflag("RGB") > 0 && COLORS >= 1 << 24;
}

static bool knows_titles(const char *name) {
    const char *families[] = {"xterm", "tmux", "screen", "rxvt", "alacritty", "foot", "kitty"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strncmp(name, families[i], strlen(families[i])) == 0) return true;
    return false;
}

int lk_open(void) {
    if (is_open) return LK_ALREADY_OPEN;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return LK_NOT_A_TERMINAL;
    lk_locale_is_utf8();
    // Ours must stand before newterm, which takes only those that nobody has.
    if (signals_install() != 0) return LK_NO_DESCRIPTION;

    int outcome = LK_OPENED;
    const char *name = getenv("TERM");
    screen = name != NULL && *name != 0 ? newterm(name, stdout, stdin) : NULL;
    if (screen == NULL) {
        name = "xterm-256color";
        outcome = LK_OPENED_AS_XTERM;
        screen = newterm(name, stdout, stdin);
    }
    if (screen == NULL) {
        signals_restore();
        return LK_NO_DESCRIPTION;
    }
    set_term(screen);
    if (tigetstr("cup") == NULL || tigetstr("cup") == (char *)-1) {
        // A teleprinter: what is drawn would be garbage.
        endwin();
        delscreen(screen);
        screen = NULL;
        signals_restore();
        return LK_NO_CURSOR;
    }
    set_escdelay(25);
    // Ctrl-C and Ctrl-Z are keys: the terminal would send their signals to a sandbox's server and
    // clients as well.
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, TRUE);
    scrollok(stdscr, FALSE);
    curs_set(0);
    take_colors();
    uses_mouse = false;
    prepare_last_words();
    has_title = knows_titles(name);
    if (has_title) fputs("\033[22;2t", stdout);
    is_open = true;
    static bool closes_at_exit;
    if (!closes_at_exit) closes_at_exit = atexit(lk_close) == 0;
    return outcome;
}

void lk_close(void) {
    if (!is_open) return;
    is_open = false;
    endwin();
    if (has_title) fputs("\033[23;2t", stdout);
    fflush(stdout);
    signals_restore();
    delscreen(screen);
    screen = NULL;
}

bool lk_is_open(void) { return is_open; }
int lk_rows(void) { return LINES; }
int lk_columns(void) { return COLS; }

bool lk_take_size(void) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return false;
    if (size.ws_row == LINES && size.ws_col == COLS) return false;
    resizeterm(size.ws_row, size.ws_col);
    clearok(curscr, TRUE);
    return true;
}

int lk_colors(void) { return has_colors() ? COLORS : 0; }
bool lk_has_direct_color(void) { return uses_direct_color; }

static int pair_for(int foreground, int background) {
    if (!has_colors()) return 0;
    for (int i = 0; i < pair_count; i++)
        if (pairs[i].foreground == foreground && pairs[i].background == background) return i;
    if (pair_count >= PAIRS || pair_count >= COLOR_PAIRS) return 0;
    if (init_extended_pair(pair_count, foreground, background) == ERR) return 0;
    pairs[pair_count].foreground = foreground;
    pairs[pair_count].background = background;
    return pair_count++;
}

void lk_put(int row, int column, const char *text, int foreground, int background,
            unsigned attributes) {
    int pair = pair_for(foreground, background);
    attr_t curses = A_NORMAL;
    if (attributes & LK_BOLD) curses |= A_BOLD;
    if (attributes & LK_DIM) curses |= A_DIM;
    if (attributes & LK_UNDERLINE) curses |= A_UNDERLINE;
    if (attributes & LK_REVERSE) curses |= A_REVERSE;
#ifdef A_ITALIC
    if (attributes & LK_ITALIC) curses |= A_ITALIC;
#endif
    wattr_set(stdscr, curses, (short)pair, &pair);
    // The cell at the bottom right is written all the same where this says ERR.
    mvaddstr(row, column, text);
}

void lk_erase(void) {
    int own = 0;
    wattr_set(stdscr, A_NORMAL, 0, &own);
    erase();
}

void lk_flush(void) {
    refresh();
}

void lk_redraw(void) {
    clearok(curscr, TRUE);
    refresh();
}

void lk_bell(void) { beep(); }

void lk_title(const char *text) {
    if (!has_title || !is_open) return;
    fprintf(stdout, "\033]2;%s\007", text);
    fflush(stdout);
}

void lk_use_mouse(void) {
    mmask_t wanted = BUTTON1_PRESSED | BUTTON4_PRESSED;
#ifdef BUTTON5_PRESSED
    wanted |= BUTTON5_PRESSED;
#endif
    // A press counts at once: no waiting for a click's end or a second one.
    mouseinterval(0);
    uses_mouse = mousemask(wanted, NULL) != 0;
    prepare_last_words();
}

int lk_mouse_row(void) { return mouse.y; }
int lk_mouse_column(void) { return mouse.x; }

static int mouse_key(void) {
    if (getmouse(&mouse) != OK) return LK_KEY_OTHER;
    if (mouse.bstate & BUTTON1_PRESSED) return LK_KEY_CLICK;
    if (mouse.bstate & BUTTON4_PRESSED) return LK_KEY_WHEEL_UP;
#ifdef BUTTON5_PRESSED
    if (mouse.bstate & BUTTON5_PRESSED) return LK_KEY_WHEEL_DOWN;
#endif
    return LK_KEY_OTHER;
}

int lk_key(void) {
    wint_t typed;
    int kind = get_wch(&typed);
    if (kind == ERR) return LK_KEY_NONE;
    if (kind == OK) {
        switch (typed) {
        case '\r':
        case '\n': return LK_KEY_ENTER;
        case 8:
        case 127: return LK_KEY_BACKSPACE;
        default: return (int)typed;
        }
    }
    switch (typed) {
    case KEY_UP: return LK_KEY_UP;
    case KEY_DOWN: return LK_KEY_DOWN;
    case KEY_LEFT: return LK_KEY_LEFT;
    case KEY_RIGHT: return LK_KEY_RIGHT;
    case KEY_PPAGE: return LK_KEY_PAGE_UP;
    case KEY_NPAGE: return LK_KEY_PAGE_DOWN;
    case KEY_HOME: return LK_KEY_HOME;
    case KEY_END: return LK_KEY_END;
    case KEY_BACKSPACE: return LK_KEY_BACKSPACE;
    case KEY_DC: return LK_KEY_DELETE;
    case KEY_ENTER: return LK_KEY_ENTER;
    case KEY_BTAB: return LK_KEY_BACK_TAB;
    case KEY_MOUSE: return mouse_key();
    default: return LK_KEY_OTHER;
    }
}

void lk_suspend(void) {
    if (!is_open) return;
    endwin();
    fflush(stdout);
    signals_stop_group();
    lk_take_size();
    lk_redraw();
}

void lk_resume(void) {
    if (!is_open) return;
    // A shell that brought us to the foreground has set its own modes and may have left the
    // alternate screen.
    endwin();
    lk_take_size();
    lk_redraw();
}
