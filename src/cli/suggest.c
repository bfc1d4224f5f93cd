#include <stdint.h>
#include <string.h>

#include "cli/options.h"

#define WORD_MAX 24 /* longer words are no slips of ours */

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Optimal string alignment: letters lost, added, changed, or swapped with
 * their neighbour.  Both words have at most WORD_MAX letters.
 */
static unsigned
distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t m = strlen(a);
	size_t n = strlen(b);

	for (size_t i = 0; i <= m; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= n; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= m; i++) {
		for (size_t j = 1; j <= n; j++) {
			d[i][j] =
				least(least(d[i - 1][j], d[i][j - 1]) + 1,
				      d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[m][n];
}

const char *
suggest(const char *word, const char *(*next)(const void *data, size_t index),
	const void *data)
{
	unsigned nearest = UINT32_MAX;
	const char *found = NULL;
	const char *candidate;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (size_t i = 0; (candidate = next(data, i)); i++) {
		unsigned d;

		if (strlen(candidate) > WORD_MAX)
			continue;
		d = distance(word, candidate);
		/* One slip in a short word, two in a long one. */
		if (d < nearest && d <= (strlen(candidate) > 4 ? 2 : 1)) {
			nearest = d;
			found = candidate;
		}
	}
	return found;
}
