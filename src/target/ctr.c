#include "target/ctr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/process.h"

/* A node has some hundred images and some thousand blobs. */
#define IMAGES_MAX ((size_t)4 << 20)
#define BLOBS_MAX ((size_t)32 << 20)
#define ANSWER_MAX ((size_t)64 << 10)
/* To ask is a matter of a second, on a busy disk of some. */
#define ASK_MILLISECONDS UINT64_C(30000)
#define DOUBT_MILLISECONDS 10000
#define WORDS_MAX 24

struct ctr_dialect {
	const char *const words[2]; /* how it is called */
	bool own; /* it is ctr; else nerdctl, which has other words */
};

static const struct ctr_dialect dialects[] = {
	{ { "ctr", NULL }, true },
	{ { "k3s", "ctr" }, true },
	{ { "nerdctl", NULL }, false },
};

#define PROGRAMS "ctr, k3s or nerdctl"

/* An argv in the making; always ends with a NULL. */
struct words {
	const char *items[WORDS_MAX];
	size_t count;
};

static void
add(struct words *words, const char *word)
{
	/* All command lines stand in this file. */
	if (word && words->count + 1 < WORDS_MAX)
		words->items[words->count++] = word;
}

/* The program, containerd's socket, the namespace, and `rest` up to a NULL. */
static struct words
command(const struct ctr *ctr, const char *const *rest)
{
	struct words words = { .count = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(ctr->dialect->words); i++)
		add(&words, ctr->dialect->words[i]);
	add(&words, "--address");
	add(&words, ctr->place.address);
	add(&words, "--namespace");
	add(&words, ctr->place.space);
	while (*rest)
		add(&words, *rest++);
	return words;
}

static const char *
program(const struct ctr *ctr)
{
	return ctr->dialect->words[1] ? "k3s ctr" : ctr->dialect->words[0];
}

/* Its own words are the best that there is to say. */
static int
tell_failed(const struct ctr *ctr, const struct process *process, int status,
	    struct ferry_error *err)
{
	char words[PROCESS_WORDS_MAX];

	process_words(process, words);
	return error_set(err, FERRY_E_FAILED, "%s ended with status %d%s%s",
			 program(ctr), status, *words ? ": " : "", words);
}

/* *status may be NULL: then anything but 0 is a failure. */
static int
ask(struct ctr *ctr, const char *const *rest, struct buffer *out, int *status,
    struct ferry_error *err)
{
	AUTO(process_release) struct process process = { 0 };
	const struct words words = command(ctr, rest);
	const struct process_options options = {
		.argv = words.items,
		.out = out,
		.milliseconds = ctr->patience < ASK_MILLISECONDS
					? ctr->patience
					: ASK_MILLISECONDS,
	};
	int ended = 0;
	int rc = process_start(&process, ctr->context, &options, err);

	if (!rc)
		rc = process_finish(&process, &ended, err);
	if (rc)
		return rc;
	if (status)
		*status = ended;
	else if (ended)
		return tell_failed(ctr, &process, ended, err);
	return 0;
}

/*
 * Of ctr 2 the importer of 1.x is asked for, which newer ones have kept:
 * theirs fails where the snapshotter is not the default one, and prints its
 * progress ten times a second.
 */
static int
learn_version(struct ctr *ctr, struct ferry_error *err)
{
	static const char *const rest[] = { "version", NULL };
	AUTO_BUFFER answer = BUFFER(ANSWER_MAX);
	char client[CTR_VERSION_MAX];
	const char *text;
	int rc = ask(ctr, rest, &answer, NULL, err);

	if (!rc)
		rc = buffer_text(&answer, &text, err);
	if (rc)
		return rc;
	ctr_listing_version(client, text, "Client:");
	ctr_listing_version(ctr->version, text, "Server:");
	ctr->local = ctr->dialect->own && strncmp(client, "2.", 2) == 0;
	return 0;
}

int
ctr_open(struct ctr *out, struct ferry_context *context,
	 const struct containerd_place *place, uint64_t patience,
	 struct ferry_error *err)
{
	struct ctr ctr = { .context = context,
			   .place = *place,
			   .patience = patience };
	int rc = containerd_place_probe(place, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(dialects); i++) {
		ctr.dialect = &dialects[i];
		rc = learn_version(&ctr, err);
		if (rc != FERRY_E_NOT_FOUND)
			break;
	}
	if (rc == FERRY_E_NOT_FOUND)
		return error_set(err, rc,
				 "containerd listens at %s, but none of its "
				 "programs is in PATH: install one of " PROGRAMS
				 ", or load into a registry that it pulls from "
				 "(--to HOST:PORT)",
				 place->address);
	if (rc)
		return error_wrap(err, "containerd at %s", place->address);
	*out = ctr;
	return 0;
}

/* What a command prints, as text in `out`. */
static int
read_list(struct ctr *ctr, const char *const *rest, struct buffer *out,
	  int *status, const char **text, struct ferry_error *err)
{
	int rc = ask(ctr, rest, out, status, err);

	return rc ? rc : buffer_text(out, text, err);
}

static int
list_images(struct ctr *ctr, struct ctr_listing *out, struct ferry_error *err)
{
	static const char *const rest[] = { "images", "ls", NULL };
	AUTO_BUFFER answer = BUFFER(IMAGES_MAX);
	const char *text;
	int rc = read_list(ctr, rest, &answer, NULL, &text, err);

	return rc ? rc : ctr_listing_images(out, text, err);
}

/* It fails if one image of all is odd, and tells of the others all the same. */
static int
check_images(struct ctr *ctr, struct ctr_listing *out, struct ferry_error *err)
{
	static const char *const rest[] = { "images", "check", NULL };
	AUTO_BUFFER answer = BUFFER(IMAGES_MAX);
	const char *text;
	int status;
	int rc = read_list(ctr, rest, &answer, &status, &text, err);

	if (!rc)
		ctr_listing_check(out, text);
	return rc;
}

static int
list_blobs(struct ctr *ctr, struct ctr_listing *out, struct ferry_error *err)
{
	static const char *const rest[] = { "content", "ls", "-q", NULL };
	AUTO_BUFFER answer = BUFFER(BLOBS_MAX);
	const char *text;
	int rc = read_list(ctr, rest, &answer, NULL, &text, err);

	return rc ? rc : ctr_listing_blobs(out, text, err);
}

/* nerdctl lists an image for those platforms only of which all is there. */
static int
list_names(struct ctr *ctr, struct ctr_listing *out, struct ferry_error *err)
{
	static const char *const rest[] = { "images", "--no-trunc", "--format",
					    "{{.Name}} {{.Digest}}", NULL };
	AUTO_BUFFER answer = BUFFER(IMAGES_MAX);
	const char *text;
	int rc = read_list(ctr, rest, &answer, NULL, &text, err);

	return rc ? rc : ctr_listing_names(out, text, err);
}

int
ctr_list(struct ctr *ctr, struct ctr_listing *out, struct ferry_error *err)
{
	int rc;

	if (!ctr->dialect->own)
		return list_names(ctr, out, err);
	rc = list_images(ctr, out, err);
	if (!rc)
		rc = check_images(ctr, out, err);
	if (!rc)
		rc = list_blobs(ctr, out, err);
	return rc;
}

static struct words
import_command(const struct ctr *ctr)
{
	static const char *const other[] = { "load", "--all-platforms", NULL };
	const char *const own[] = { "images",
				    "import",
				    "--all-platforms",
				    ctr->local ? "--local" : "-",
				    ctr->local ? "-" : NULL,
				    NULL };

	return command(ctr, ctr->dialect->own ? own : other);
}

/* One that unpacks a large image to a slow disk is silent for long. */
static int
advise_patience(const struct ctr *ctr, const struct process *process,
		struct ferry_error *err)
{
	if (!process->still)
		return err->code;
	return error_add(err,
			 "; --give-up-after gives it more than %" PRIu64 " s",
			 ctr->patience / 1000);
}

static int
end_import(struct ctr *ctr, struct process *process, struct ferry_error *err)
{
	int status;

	if (process_finish(process, &status, err))
		return advise_patience(ctr, process, err);
	return status ? tell_failed(ctr, process, status, err) : 0;
}

/*
 * ctr waits for ever for a containerd that dies just when a blob begins; one
 * that is started again within DOUBT_MILLISECONDS gets the rest.
 */
static int
has_hope(const void *cookie, struct ferry_error *err)
{
	const struct ctr *ctr = cookie;

	return containerd_place_probe(&ctr->place, err)
		       ? error_wrap(err, "waits in vain")
		       : 0;
}

int
ctr_import(struct ctr *ctr, const struct archive_stream *stream,
	   struct source *source, bool *reached, struct ferry_error *err)
{
	AUTO(process_release) struct process process = { 0 };
	const struct words words = import_command(ctr);
	const struct process_options options = {
		.argv = words.items,
		.milliseconds = ctr->patience,
		.hope = has_hope,
		.cookie = ctr,
		.doubt = DOUBT_MILLISECONDS,
	};
	int rc = process_start(&process, ctr->context, &options, err);

	*reached = false;
	if (rc)
		return rc;
	rc = archive_stream_write(stream, source, &process.sink, err);
	if (rc && !process.closed)
		return advise_patience(ctr, &process, err);
	*reached = true;
	if (!rc)
		context_notice(ctr->context,
			       "containerd has all of it and unpacks the "
			       "layers");
	if (end_import(ctr, &process, err))
		return err->code;
	/* It said that it was content, with less than all of it. */
	return rc ? error_set(err, rc, "%s stopped reading", program(ctr)) : 0;
}

int
ctr_pin(struct ctr *ctr, const char *name, struct ferry_error *err)
{
	const char *const rest[] = { "images", "label", name,
				     "io.cri-containerd.pinned=pinned", NULL };

	return ctr->dialect->own ? ask(ctr, rest, NULL, NULL, err) : 0;
}
