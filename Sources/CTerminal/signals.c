#include "signals.h"

#include "CTerminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

// The bell is a pipe: eventfd is Linux only. It stays open for the life of the process, so that a
// late lk_ring of another thread never writes into somebody else's descriptor.
static int bell[2] = {-1, -1};
static atomic_int arrived;

static const struct {
    int number;
    int bit;
} rung[] = {
    {SIGINT, LK_SIGNAL_INTERRUPT}, {SIGTERM, LK_SIGNAL_TERMINATE}, {SIGHUP, LK_SIGNAL_HANGUP},
    {SIGWINCH, LK_SIGNAL_WINDOW},  {SIGTSTP, LK_SIGNAL_STOP},      {SIGCONT, LK_SIGNAL_CONTINUE},
};
#define RUNG (sizeof rung / sizeof *rung)
static struct sigaction before_rung[RUNG];

// Crashes. A Swift trap is SIGILL or SIGTRAP.
static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
#define FATAL (sizeof fatal / sizeof *fatal)
static struct sigaction before_fatal[FATAL];

static bool keyboard_is_gone;
static volatile sig_atomic_t installed;
static struct termios modes_before;
static volatile sig_atomic_t has_modes;
static char last_words[512];
static volatile sig_atomic_t last_words_length;

void lk_ring(void) {
    int saved = errno;
    if (bell[1] >= 0) {
        // A full pipe is a bell that rings already.
        ssize_t ignored = write(bell[1], "", 1);
        (void)ignored;
    }
    errno = saved;
}

static void on_rung(int number) {
    for (size_t i = 0; i < RUNG; i++)
        if (rung[i].number == number) atomic_fetch_or(&arrived, rung[i].bit);
    lk_ring();
}

// Only calls that POSIX allows in a handler. The old action is put back and the signal comes again,
// so that whoever was there before (a backtracer, a core dump) sees it: a fault by itself, at the
// instruction that made it, when this returns; one that was sent must be raised.
static void on_fatal(int number, siginfo_t *info, void *context) {
    (void)context;
    if (last_words_length > 0) {
        ssize_t ignored = write(STDOUT_FILENO, last_words, (size_t)last_words_length);
        (void)ignored;
    }
    if (has_modes) tcsetattr(STDIN_FILENO, TCSANOW, &modes_before);
    for (size_t i = 0; i < FATAL; i++)
        if (fatal[i] == number) sigaction(number, &before_fatal[i], NULL);
    if (info == NULL || info->si_code <= 0) raise(number);
}

void signals_set_last_words(const char *text, size_t length) {
    last_words_length = 0;
    if (length > sizeof last_words) length = sizeof last_words;
    memcpy(last_words, text, length);
    last_words_length = (sig_atomic_t)length;
}

int signals_bell_descriptor(void) { return bell[0]; }

int signals_install(void) {
    if (bell[0] < 0) {
        if (pipe(bell) != 0) return -1;
        for (int i = 0; i < 2; i++) {
            fcntl(bell[i], F_SETFD, FD_CLOEXEC);
            fcntl(bell[i], F_SETFL, O_NONBLOCK);
        }
    }
    if (installed) return 0;
    atomic_store(&arrived, 0);
    keyboard_is_gone = false;
    has_modes = tcgetattr(STDIN_FILENO, &modes_before) == 0;

    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_rung;
    for (size_t i = 0; i < RUNG; i++) sigaction(rung[i].number, &action, &before_rung[i]);
    action.sa_flags = SA_NODEFER | SA_SIGINFO;
    action.sa_sigaction = on_fatal;
    for (size_t i = 0; i < FATAL; i++) sigaction(fatal[i], &action, &before_fatal[i]);
    installed = 1;
    return 0;
}

void signals_restore(void) {
    if (!installed) return;
    installed = 0;
    last_words_length = 0;
    for (size_t i = 0; i < RUNG; i++) sigaction(rung[i].number, &before_rung[i], NULL);
    for (size_t i = 0; i < FATAL; i++) sigaction(fatal[i], &before_fatal[i], NULL);
    has_modes = 0;
}

int lk_signals(void) {
    char rest[64];
    while (bell[0] >= 0 && read(bell[0], rest, sizeof rest) > 0) {
    }
    return atomic_exchange(&arrived, 0);
}

void lk_forget_keyboard(void) { keyboard_is_gone = true; }

int lk_wait(int milliseconds) {
    struct pollfd watched[2] = {
        {.fd = keyboard_is_gone ? -1 : STDIN_FILENO, .events = POLLIN},
        {.fd = bell[0], .events = POLLIN},
    };
    int saw = 0;
    if (poll(watched, 2, milliseconds) > 0) {
        if (watched[0].revents & POLLIN) saw |= LK_SAW_INPUT;
        if (watched[0].revents & (POLLHUP | POLLERR | POLLNVAL)) saw |= LK_SAW_HANGUP;
        if (watched[1].revents & POLLIN) saw |= LK_SAW_BELL;
    }
    if (atomic_load(&arrived)) saw |= LK_SAW_BELL;
    return saw;
}

// Stops our process group as the terminal's Ctrl-Z would, and returns once it goes on. Where nobody
// can continue it (an orphaned group) the kernel ignores the stop, and we return after the wait.
void signals_stop_group(void) {
    struct sigaction stop, ours;
    memset(&stop, 0, sizeof stop);
    sigemptyset(&stop.sa_mask);
    stop.sa_handler = SIG_DFL;
    sigaction(SIGTSTP, &stop, &ours);
    atomic_fetch_and(&arrived, ~LK_SIGNAL_CONTINUE);
    kill(0, SIGTSTP);
    // Another thread may take the signal: the stop then comes a moment after kill returns.
    for (int i = 0; i < 40 && !(atomic_load(&arrived) & LK_SIGNAL_CONTINUE); i++)
        poll(NULL, 0, 5);
    sigaction(SIGTSTP, &ours, NULL);
}
