/*
 * Feeds files, and all files of folders, to a fuzz target without a fuzzer, so
 * that what one has found stays found under any compiler.
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)64 << 20)

static unsigned long fed;

static int
feed(const char *path, const struct stat *status, int type, struct FTW *where)
{
	AUTO_BUFFER input = BUFFER(INPUT_MAX);
	struct ferry_error err;
	const char *text;

	(void)status;
	(void)where;
	if (type == FTW_D)
		return 0;
	/* As text, so that an empty file has data as well. */
	if (file_load(path, &input, &err) || buffer_text(&input, &text, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	LLVMFuzzerTestOneInput(input.data, input.size);
	fed++;
	return 0;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (nftw(argv[i], feed, 8, FTW_PHYS) != 0) {
			fprintf(stderr, "cannot replay %s\n", argv[i]);
			return 1;
		}
	printf("%lu inputs\n", fed);
	return fed ? 0 : 1;
}
