#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ferry/context.h"

/* A handler is given nothing but the number, so these two are global. */
static struct ferry_context *interruptible;
static volatile sig_atomic_t caught;

static void
on_signal(int number)
{
	if (caught == number)
		_exit(128 + number);
	caught = number;
	ferry_interrupt(interruptible);
}

void
signals_catch(struct ferry_context *context)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };
	struct sigaction before;

	interruptible = context;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		/* What nohup or a shell's & set to be ignored stays so. */
		if (!sigaction(numbers[i], NULL, &before) &&
		    before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
	/* A peer that hangs up, a file at its limit: errors, not deaths. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

int
signals_caught(void)
{
	return caught;
}
