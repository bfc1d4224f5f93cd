/*
 * Signals: the first of a kind asks the operation to stop, the second ends
 * the program where it stands.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

struct ferry_context;

/* From here on SIGINT, SIGTERM and SIGHUP interrupt `context`. */
void signals_catch(struct ferry_context *context);

/* The signal that came, or 0. */
int signals_caught(void);

#endif
