/*
 * Drawing the progress on a terminal.
 */
#ifndef CLI_DISPLAY_H
#define CLI_DISPLAY_H

struct progress;

/* Puts it in the place of what was drawn before, in one write. */
void display_draw(struct progress *progress);

void display_erase(struct progress *progress);

#endif
