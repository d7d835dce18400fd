#ifndef LOCKKEEPER_SIGNALS_H
#define LOCKKEEPER_SIGNALS_H

#include <stddef.h>

// Opens the bell (a pipe) and installs the handlers; 0, or -1 where there is no pipe to be had.
int signals_install(void);
void signals_restore(void);
// What the last-resort handler writes, and the modes that it sets, when the program crashes.
void signals_set_last_words(const char *text, size_t length);
int signals_bell_descriptor(void);
void signals_stop_group(void);

#endif
