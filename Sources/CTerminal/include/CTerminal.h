#ifndef LOCKKEEPER_CTERMINAL_H
#define LOCKKEEPER_CTERMINAL_H

#include <stdbool.h>
#include <stdint.h>

// The terminal as the dashboard sees it: cells, colours, keys, signals. All ncurses types and
// macros stay in the .c files. Unless it says otherwise, a function belongs to the one thread that
// opened the terminal.

// What lk_open found.
enum {
    LK_OPENED = 0,
    // TERM is not known here; xterm-256color is used in its place.
    LK_OPENED_AS_XTERM = 1,
    LK_NOT_A_TERMINAL = -1,
    LK_NO_DESCRIPTION = -2,
    LK_ALREADY_OPEN = -3,
    LK_NO_CURSOR = -4,
};

// Takes the terminal: alternate screen, raw keys, own signal handlers. Standard input and output
// must both be terminals.
int lk_open(void);
// Gives the terminal back as it was. Safe to call at any time, twice, and from another thread once
// the owner has ended.
void lk_close(void);
bool lk_is_open(void);

// Whether the locale's encoding is UTF-8. Sets the locale of characters only (never of numbers).
bool lk_locale_is_utf8(void);
// Columns of a code point by the C library: 0 combining, 1, 2, or -1 for what can't be printed.
int lk_code_point_width(uint32_t code_point);

int lk_rows(void);
int lk_columns(void);
// Asks the terminal for its size and takes it over. True where it changed.
bool lk_take_size(void);

// 0 for none, 8, 16, 88, 256, or 1 << 24 where a colour number is 0xRRGGBB.
int lk_colors(void);
bool lk_has_direct_color(void);

enum {
    LK_BOLD = 1,
    LK_DIM = 2,
    LK_UNDERLINE = 4,
    LK_REVERSE = 8,
    LK_ITALIC = 16,
};

// Writes UTF-8 text from a cell on; colours are numbers, -1 the terminal's own.
void lk_put(int row, int column, const char *text, int foreground, int background,
            unsigned attributes);
void lk_erase(void);
// Sends what changed since the last time.
void lk_flush(void);
// Sends everything again.
void lk_redraw(void);
void lk_bell(void);
// The window's title, where the terminal has one. The text must be free of control characters.
void lk_title(const char *text);

// Keys: code points are positive; keys without one are these.
enum {
    LK_KEY_NONE = -1,
    LK_KEY_UP = -2,
    LK_KEY_DOWN = -3,
    LK_KEY_LEFT = -4,
    LK_KEY_RIGHT = -5,
    LK_KEY_PAGE_UP = -6,
    LK_KEY_PAGE_DOWN = -7,
    LK_KEY_HOME = -8,
    LK_KEY_END = -9,
    LK_KEY_BACKSPACE = -10,
    LK_KEY_DELETE = -11,
    LK_KEY_ENTER = -12,
    LK_KEY_BACK_TAB = -13,
    LK_KEY_OTHER = -14,
    LK_KEY_CLICK = -15,
    LK_KEY_WHEEL_UP = -16,
    LK_KEY_WHEEL_DOWN = -17,
};
// The next key that has been typed, or LK_KEY_NONE; never waits longer than an escape sequence.
int lk_key(void);

// Takes clicks and the wheel from the terminal, where it has a mouse.
void lk_use_mouse(void);
// The cell of the last LK_KEY_CLICK or LK_KEY_WHEEL_UP or _DOWN.
int lk_mouse_row(void);
int lk_mouse_column(void);

// What lk_wait saw; a set of bits.
enum {
    LK_SAW_INPUT = 1,
    LK_SAW_BELL = 2,
    // The terminal is gone.
    LK_SAW_HANGUP = 4,
};
// Blocks until a key is typed, somebody rings, or the time is over. Milliseconds.
int lk_wait(int milliseconds);
// From now on lk_wait does not look at the keyboard: that of a terminal that is gone is always
// readable, and would be seen again and again.
void lk_forget_keyboard(void);
// Wakes lk_wait. From any thread and from signal handlers.
void lk_ring(void);
// The signals that arrived since the last call as a set of LK_SIGNAL bits; empties the bell.
enum {
    LK_SIGNAL_INTERRUPT = 1,
    LK_SIGNAL_TERMINATE = 2,
    LK_SIGNAL_HANGUP = 4,
    LK_SIGNAL_WINDOW = 8,
    LK_SIGNAL_STOP = 16,
    LK_SIGNAL_CONTINUE = 32,
};
int lk_signals(void);

// Gives the terminal back, stops the process group as Ctrl-Z does, and takes the terminal again when
// it is continued.
void lk_suspend(void);
// After somebody else continued us: sets the modes again and sends everything.
void lk_resume(void);

#endif
