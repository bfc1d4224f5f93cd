/*
 * Compose files: what is refused, and where they end.  What they mean is
 * compared with docker-compose in tests/peers/test_compose.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "list/compose_files.h"
#include "list/compose_path.h"
#include "list/formats.h"

static int
add(struct list *list, const char *path, const char *text,
    const struct ferry_list_options *options, struct ferry_error *err)
{
	struct list_file file = { .path = path,
				  .shown = path,
				  .content = BUFFER(LIST_BYTES_MAX) };
	int rc = buffer_append(&file.content, text, strlen(text), err);

	if (!rc)
		rc = list_add_compose(list, &file, 1, options, err);
	buffer_release(&file.content);
	return rc;
}

static void
test_images_and_platforms(void **state)
{
	static const char text[] =
		"services:\n"
		"  a: {image: 'redis:7', platform: linux/arm64/v8}\n"
		"  b: {image: 'quay.io/x/y', build: .}\n"
		"  c: {provider: {type: cloud}}\n"
		"  d: {extends: a, image: '${X}', platform: null}\n";
	static const char *const environment[] = { "X=app:1", "X2", NULL };
	static const struct {
		const char *name;
		const char *platform; /* NULL: none */
	} wanted[] = {
		{ "docker.io/library/redis:7", "linux/arm64/v8" },
		{ "quay.io/x/y:latest", NULL },
		{ "docker.io/library/app:1", "linux/arm64/v8" },
	};
	struct ferry_list_options options = { .environment = environment };
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err;

	(void)state;
	if (add(&list, "nowhere/compose.yaml", text, &options, &err))
		fail_msg("%s", err.message);
	assert_int_equal(list.count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < list.count; i++) {
		const struct platforms *platforms = &list.items[i].platforms;
		char name[REFERENCE_TEXT];
		char platform[PLATFORM_TEXT];

		assert_string_equal(
			reference_name(name, wanted_name(&list.items[i])),
			wanted[i].name);
		assert_int_equal(platforms->count, wanted[i].platform != NULL);
		if (wanted[i].platform)
			assert_string_equal(
				platform_text(platform, platforms->items),
				wanted[i].platform);
	}
}

static void
expect_refusal(const char *path, const char *text, const char *profile,
	       const char *says)
{
	const char *const profiles[] = { profile };
	struct ferry_list_options options = { .profiles = profiles,
					      .profile_count =
						      profile != NULL };
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err = { 0 };

	assert_int_equal(add(&list, path, text, &options, &err), FERRY_E_USAGE);
	if (!strstr(err.message, says))
		fail_msg("'%s' lacks '%s'", err.message, says);
}

#define SERVICE(text) "services: {a: {" text "}}"

static void
test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ "a: [", "c.yaml: line 2, column 1: did not find" },
		{ "services: {a: !x 1}", "the tag '!x' means nothing here" },
		{ "- a", "c.yaml: no mapping, so no Compose file" },
		{ "", "c.yaml names no image" },
		{ "services: {}", "c.yaml names no image" },
		{ "services: {a: !reset null}", "c.yaml names no image" },
		{ "services: {a: {provider: {type: x}}}",
		  "c.yaml names no image" },
		{ "services: [a]", "c.yaml: services are no mapping" },
		{ "services: {a: redis}",
		  "c.yaml: service 'a': it is no mapping" },
		{ "services: {a: null}",
		  "c.yaml: service 'a': it is no mapping" },
		{ SERVICE("image: [x]"),
		  "c.yaml: service 'a': image is no text" },
		{ SERVICE("image: ''"),
		  "c.yaml: service 'a': its image is empty" },
		{ SERVICE("image: '$X', build: ."),
		  "c.yaml: service 'a': its image is empty; not set: X (set" },
		{ SERVICE("image: 'x:$X$Y'"),
		  "c.yaml: service 'a': 'x:' is no image reference: '' is no "
		  "tag; not set: X, Y (set in the environment, .env or "
		  "--env-file)" },
		{ SERVICE("image: Nginx"), "'Nginx' is no image reference" },
		{ SERVICE("image: 'x:${'"),
		  "c.yaml: service 'a': image 'x:${': no variable" },
		{ SERVICE("image: x, platform: 'a b'"),
		  "c.yaml: service 'a': " },
		{ SERVICE("image: x, platform: [x]"), "platform is no text" },
		{ SERVICE("image: x, profiles: y"), "profiles is no list" },
		{ SERVICE("image: x, profiles: [[y]]"), "profiles is no text" },
		{ SERVICE("image: x, volumes: [{type: image, target: /}]"),
		  "the source of a volume of type image is no text" },
		{ SERVICE("command: x"),
		  "service 'a' has neither image nor build" },
		{ SERVICE("build: ."),
		  "no image: is named, only build:, by 'a' (c.yaml); give" },
		{ SERVICE("extends: {}"),
		  "c.yaml: service 'a': extends: service is no text" },
		{ SERVICE("extends: [x]"), "extends: service is no text" },
		{ SERVICE("extends: {service: a}"),
		  "extends: service 'a' of c.yaml extends itself" },
		{ SERVICE("extends: {service: b, file: 1}"),
		  "extends: file is no text" },
		{ SERVICE("extends: {service: b, file: /etc/passwd}"),
		  "/etc/passwd: only paths relative to the file are" },
		{ SERVICE("extends: {service: b, file: ''}"),
		  "extends: an empty path" },
		{ "include: x", "c.yaml: include is no list" },
		{ "include: [1]", "c.yaml: include: path is no text" },
		{ "include: [{project_directory: x}]",
		  "c.yaml: include: path is no text" },
		{ "include: [{path: []}]", "c.yaml: include: path is empty" },
		{ "include: [{path: x, env_file: /x}]",
		  "/x: only paths relative to the file are followed" },
		{ "include: [nowhere.yaml]",
		  "c.yaml: include: nowhere.yaml: no such file" },
		{ "include: [{path: x, env_file: y}]",
		  "c.yaml: include: y: no such file" },
		{ "include: ['git@github.com:a/b.git']",
		  "only files are read; fetch it first" },
		{ "include: [c.yaml]", "c.yaml includes itself" },
		{ "include: [.]", "c.yaml: include: .: no regular file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refusal("c.yaml", cases[i].text, NULL, cases[i].says);
	expect_refusal("c.yaml", "services: {a: {image: x, profiles: [y]}}",
		       "z", "--profile z: no service has it");
}

static void
test_paths(void **state)
{
	static const struct {
		const char *folder;
		const char *path;
		const char *joined;
	} cases[] = {
		{ ".", "a.yaml", "a.yaml" }, { ".", "./a//b/./c", "a/b/c" },
		{ "x", "../a", "a" },	     { "x/y", "../../../a", "../a" },
		{ "..", "../a", "../../a" }, { "/x", "../../a", "/a" },
		{ "/", "a/..", "/" },	     { "x", "..", "." },
		{ ".", "-", "./-" },	     { "x", "-", "x/-" },
		{ "..x", "../a", "a" },
	};
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *joined = NULL;

		if (compose_path_join(&joined, cases[i].folder, cases[i].path,
				      &err))
			fail_msg("%s", err.message);
		assert_string_equal(joined, cases[i].joined);
	}
}

/* A folder of files. */
struct folder {
	char path[32];
};

static int
enter(void **state)
{
	static struct folder folder;

	strcpy(folder.path, "/tmp/ferry-compose-XXXXXX");
	if (!mkdtemp(folder.path))
		return -1;
	*state = &folder;
	return 0;
}

static int
remove_one(const char *path, const struct stat *found, int flag,
	   struct FTW *walk)
{
	(void)found;
	(void)flag;
	(void)walk;
	return remove(path);
}

static int
leave(void **state)
{
	const struct folder *folder = *state;

	return nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void PRINTF_LIKE(3, 4) write_file(const struct folder *folder,
					 int number, const char *format, ...)
{
	char path[64];
	va_list arguments;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%d.yaml", folder->path, number);
	file = fopen(path, "w");
	assert_non_null(file);
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	assert_int_equal(fclose(file), 0);
}

static void
expect_refusal_in(const struct folder *folder, const char *text,
		  const char *says)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/c.yaml", folder->path);
	expect_refusal(path, text, NULL, says);
}

/* Few files, and yet 2^30 inclusions. */
static void
test_inclusions_are_counted(void **state)
{
	for (int i = 0; i < 31; i++)
		write_file(*state, i, "include: [%d.yaml, %d.yaml]\n", i + 1,
			   i + 1);
	write_file(*state, 31, "services: {a: {image: x}}\n");
	expect_refusal_in(*state, "include: [0.yaml]",
			  "more than 256 inclusions");
}

static void
test_inclusions_have_a_depth(void **state)
{
	for (int i = 0; i < 50; i++)
		write_file(*state, i, "include: [%d.yaml]\n", i + 1);
	expect_refusal_in(*state, "include: [0.yaml]",
			  "more than 32 files in one another");
}

static void
test_services_have_a_depth(void **state)
{
	for (int i = 0; i < 50; i++)
		write_file(*state, i,
			   "services: {a: {extends: {file: %d.yaml, "
			   "service: a}}}\n",
			   i + 1);
	expect_refusal_in(*state,
			  SERVICE("extends: {file: 0.yaml, service: a}"),
			  "more than 32 services on one another");
}

static void
test_files_are_counted(void **state)
{
	AUTO_BUFFER text = BUFFER(1 << 20);
	const char *written = NULL;
	struct ferry_error err;

	assert_int_equal(buffer_format(&text, &err, "services:\n"), 0);
	for (int i = 0; i < COMPOSE_FILES_MAX; i++) {
		write_file(*state, i, "services: {a: {image: x}}\n");
		assert_int_equal(buffer_format(&text, &err,
					       "  s%d: {extends: {file: "
					       "%d.yaml, service: a}}\n",
					       i, i),
				 0);
	}
	assert_int_equal(buffer_text(&text, &written, &err), 0);
	expect_refusal_in(*state, written, "more than 256 files");
}

/* Of one service, each on top of all before it. */
static void
test_documents_are_counted(void **state)
{
	AUTO_BUFFER text = BUFFER(1 << 20);
	const char *written = NULL;
	struct ferry_error err;

	for (int i = 0; i <= COMPOSE_DOCUMENTS_MAX; i++)
		assert_int_equal(buffer_format(&text, &err,
					       "services: {a: {image: x}}\n"
					       "---\n"),
				 0);
	assert_int_equal(buffer_text(&text, &written, &err), 0);
	expect_refusal_in(*state, written, "more than 1024 documents in all");
}

/* A long list that is read once for each of the services on it. */
static void
test_what_is_read_again_is_counted(void **state)
{
	AUTO_BUFFER text = BUFFER(1 << 20);
	const char *written = NULL;
	struct ferry_error err;

	assert_int_equal(
		buffer_format(
			&text, &err,
			"services:\n  a: {image: x, volumes: !override [1"),
		0);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(buffer_format(&text, &err, ",1"), 0);
	assert_int_equal(buffer_format(&text, &err, "]}\n"), 0);
	for (int i = 0; i < 60; i++)
		assert_int_equal(
			buffer_format(&text, &err, "  a%d: {extends: a}\n", i),
			0);
	assert_int_equal(buffer_text(&text, &written, &err), 0);
	expect_refusal_in(*state, written, "more than any list needs");
}

/* Opening it would wait for ever. */
static void
test_a_pipe_is_no_file(void **state)
{
	const struct folder *folder = *state;
	char path[64];

	snprintf(path, sizeof(path), "%s/pipe", folder->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refusal_in(*state, "include: [pipe]", "pipe: no regular file");
	expect_refusal_in(*state, SERVICE("extends: {file: pipe, service: a}"),
			  "pipe: no regular file");
	expect_refusal_in(*state, "include: [{path: x, env_file: pipe}]",
			  "pipe: no regular file");
}

static void
test_files_that_are_extended_are_checked(void **state)
{
	write_file(*state, 1,
		   "services: {a: {image: x}}\n---\n"
		   "services: {a: {image: y}}\n");
	write_file(*state, 2, "services: [a]\n");
	write_file(*state, 3, "services: {a: {image: [}}\n");
	expect_refusal_in(*state,
			  SERVICE("extends: {file: 1.yaml, service: a}"),
			  "1.yaml has more than one document");
	expect_refusal_in(*state,
			  SERVICE("extends: {file: 2.yaml, service: a}"),
			  "no service 'a' in ");
	expect_refusal_in(*state,
			  SERVICE("extends: {file: 3.yaml, service: a}"),
			  "3.yaml: line 1, column ");
}

int
main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_images_and_platforms),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_paths),
		IN_FOLDER(test_inclusions_are_counted),
		IN_FOLDER(test_inclusions_have_a_depth),
		IN_FOLDER(test_services_have_a_depth),
		IN_FOLDER(test_files_are_counted),
		IN_FOLDER(test_documents_are_counted),
		IN_FOLDER(test_what_is_read_again_is_counted),
		IN_FOLDER(test_a_pipe_is_no_file),
		IN_FOLDER(test_files_that_are_extended_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
