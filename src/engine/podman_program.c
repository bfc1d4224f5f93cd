#include <string.h>

#include "base/process.h"
#include "base/text.h"
#include "engine/podman.h"

#define PROGRAM "podman"
#define ANSWER_MAX ((size_t)16 << 20)
/* A question; a user's first podman sets up a namespace before it answers. */
#define QUESTION_MILLISECONDS 120000
/* It unpacks after the last byte, and may tell nothing meanwhile. */
#define LOAD_MILLISECONDS 1800000

/* Of `podman image exists`. */
#define STATUS_ABSENT 1

static int
said(const struct process *process, int status, struct ferry_error *err)
{
	char words[PROCESS_WORDS_MAX];

	process_words(process, words);
	if (*words)
		return podman_refused(words, err);
	return error_set(err, FERRY_E_FAILED,
			 PROGRAM " ends with status %d and without a word",
			 status);
}

static int
no_program(struct podman *podman, struct ferry_error *err)
{
	podman->gone = err->code == FERRY_E_NOT_FOUND;
	return err->code;
}

/* Asks; *status is as it ended, and where that may not be, an error. */
static int
ask(struct podman *podman, const char *const *argv, struct buffer *answer,
    int most, int *status, struct ferry_error *err)
{
	AUTO(process_release) struct process process = { 0 };
	struct process_options options = { .argv = argv,
					   .out = answer,
					   .milliseconds =
						   QUESTION_MILLISECONDS };

	if (process_start(&process, podman->context, &options, err))
		return no_program(podman, err);
	if (process_finish(&process, status, err))
		return err->code;
	return *status > most ? said(&process, *status, err) : 0;
}

static int
info(struct podman *podman, json_t **out, struct ferry_error *err)
{
	static const char *const argv[] = { PROGRAM, "info", "--format", "json",
					    NULL };
	AUTO_BUFFER answer = BUFFER(ANSWER_MAX);
	int status;
	int rc = ask(podman, argv, &answer, 0, &status, err);

	if (rc)
		return rc;
	rc = json_parse(out, answer.data, answer.size, err);
	return rc ? error_wrap(err, PROGRAM " info") : 0;
}

/* The answer is a list of one. */
static int
inspect(struct podman *podman, const char *name, json_t **out,
	struct ferry_error *err)
{
	const char *const argv[] = { PROGRAM, "image", "inspect",
				     "--",    name,    NULL };
	AUTO_BUFFER answer = BUFFER(ANSWER_MAX);
	AUTO_JSON *list = NULL;
	json_t *image;
	int status;
	int rc = ask(podman, argv, &answer, 0, &status, err);

	if (!rc)
		rc = json_parse_array(&list, answer.data, answer.size, err);
	if (rc)
		return error_wrap(err, PROGRAM " image inspect");
	image = json_array_get(list, 0);
	if (!json_is_object(image))
		return error_set(err, FERRY_E_FAILED,
				 PROGRAM " image inspect: no image in it");
	*out = json_incref(image);
	return 0;
}

static int
image(struct podman *podman, const char *name, json_t **out,
      struct ferry_error *err)
{
	const char *const argv[] = { PROGRAM, "image", "exists",
				     "--",    name,    NULL };
	int status = 0;
	int rc = ask(podman, argv, NULL, STATUS_ABSENT, &status, err);

	if (rc)
		return rc;
	if (status == STATUS_ABSENT) {
		*out = NULL;
		return 0;
	}
	return inspect(podman, name, out, err);
}

static int
tag(struct podman *podman, const char *id, const struct reference *reference,
    struct ferry_error *err)
{
	char name[REFERENCE_TEXT];
	const char *const argv[] = {
		PROGRAM, "tag", "--", id, reference_name(name, reference), NULL
	};
	int status;

	return ask(podman, argv, NULL, 0, &status, err);
}

/* Without an end of its input that we gave, it takes nothing. */
static int
load(struct podman *podman, struct podman_content *content,
     struct ferry_error *err)
{
	static const char *const argv[] = { PROGRAM, "load", NULL };
	AUTO(process_release) struct process process = { 0 };
	struct process_options options = { .argv = argv,
					   .milliseconds = LOAD_MILLISECONDS };
	struct ferry_error cut;
	int status = 0;
	int stopped;
	int rc = process_start(&process, podman->context, &options, err);

	if (rc)
		return no_program(podman, err);
	stopped = content->write(content, &process.sink, &cut);
	if (stopped && !process.closed) {
		*err = cut;
		return stopped;
	}
	rc = process_finish(&process, &status, err);
	if (!rc && (status || stopped))
		rc = said(&process, status, err);
	return rc;
}

static void
close_program(struct podman *podman)
{
	free(podman->words);
	free(podman);
}

static const struct podman_ops program_ops = {
	.info = info,
	.image = image,
	.tag = tag,
	.load = load,
	.close = close_program,
};

int
podman_open_program(struct podman **out, struct ferry_context *context,
		    struct ferry_error *err)
{
	struct podman *podman = calloc(1, sizeof(*podman));

	if (!podman)
		return error_nomem(err);
	podman->ops = &program_ops;
	podman->context = context;
	if (text_copy(&podman->words, "podman (by its own program)", err)) {
		close_program(podman);
		return err->code;
	}
	*out = podman;
	return 0;
}
