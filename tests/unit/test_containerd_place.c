/*
 * target/containerd_place: which socket and which namespace, by what there is
 * below a root of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "target/containerd_place.h"

#define OWN "/run/containerd/containerd.sock"
#define K3S "/run/k3s/containerd/containerd.sock"

static char root[] = "/tmp/ferry-place-XXXXXX";
static const char *const made[] = { OWN,
				    K3S,
				    "/etc/rancher/k3s",
				    "/etc/rancher/rke2",
				    "/etc/kubernetes/kubelet.conf",
				    "/var/lib/kubelet" };

static void
whole(char out[256], const char *path)
{
	snprintf(out, 256, "%s%s", root, path);
}

/* A folder there, with all above it: stat() asks no more. */
static void
make(const char *path)
{
	char text[256];

	whole(text, path);
	for (char *at = text + strlen(root) + 1; *at; at++)
		if (*at == '/') {
			*at = '\0';
			mkdir(text, 0700);
			*at = '/';
		}
	assert_int_equal(mkdir(text, 0700), 0);
}

static void
unmake(const char *path)
{
	char text[256];

	whole(text, path);
	while (strlen(text) > strlen(root) && rmdir(text) == 0)
		*strrchr(text, '/') = '\0';
}

static int
make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int
remove_root(void **state)
{
	(void)state;
	return rmdir(root);
}

static void
a_place_is_found(void **state)
{
	static const struct {
		const char *there[3];
		struct ferry_containerd_options options;
		const char *space;
		const char *address, *found;
	} table[] = {
		{ { NULL }, { NULL, NULL }, NULL, OWN, "default" },
		{ { OWN }, { NULL, NULL }, NULL, OWN, "default" },
		{ { K3S }, { NULL, NULL }, NULL, K3S, "k8s.io" },
		{ { OWN, K3S }, { NULL, NULL }, NULL, OWN, "k8s.io" },
		{ { OWN, "/var/lib/kubelet" },
		  { NULL, NULL },
		  NULL,
		  OWN,
		  "k8s.io" },
		{ { "/etc/rancher/k3s" }, { NULL, NULL }, NULL, OWN, "k8s.io" },
		{ { "/etc/rancher/rke2" },
		  { NULL, NULL },
		  NULL,
		  OWN,
		  "k8s.io" },
		{ { "/etc/kubernetes/kubelet.conf" },
		  { NULL, NULL },
		  NULL,
		  OWN,
		  "k8s.io" },
		/* What is said counts more, and what is set. */
		{ { OWN, K3S }, { K3S, "set" }, NULL, K3S, "set" },
		{ { K3S }, { NULL, "set" }, "said", K3S, "said" },
		{ { K3S },
		  { "unix:///x.sock", NULL },
		  "a-b_c.d9",
		  "/x.sock",
		  "a-b_c.d9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct containerd_place place;
		struct ferry_error err = { 0 };

		for (size_t n = 0; n < 3 && table[i].there[n]; n++)
			make(table[i].there[n]);
		assert_int_equal(containerd_place_find(&place, root,
						       &table[i].options,
						       table[i].space, &err),
				 0);
		assert_string_equal(place.address, table[i].address);
		assert_string_equal(place.space, table[i].found);
		for (size_t n = 0; n < ARRAY_SIZE(made); n++)
			unmake(made[n]);
	}
}

static void
what_could_be_an_option_is_refused(void **state)
{
	static const struct {
		const char *address, *space;
	} table[] = {
		{ NULL, "" },
		{ NULL, "-n" },
		{ NULL, "--address=x" },
		{ NULL, "a--b" },
		{ NULL, "a/b" },
		{ NULL, "a b" },
		{ NULL, "a." },
		{ NULL, ".a" },
		{ NULL, "\xc3\xa4" },
		{ "", NULL },
		{ "-x", NULL },
		{ "tcp://127.0.0.1:1", NULL },
		{ "unix://x", NULL },
		{ "relative/x.sock", NULL },
		{ NULL, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			"aaaaaaaaaaaaaaaaaaaaaaa" },
		{ "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct ferry_containerd_options options = {
			.address = table[i].address
		};
		struct containerd_place place;
		struct ferry_error err = { 0 };

		if (containerd_place_find(&place, root, &options,
					  table[i].space,
					  &err) != FERRY_E_USAGE)
			fail_msg("number %zu passes", i);
		assert_non_null(strstr(err.message, table[i].address
							    ? "is no path"
							    : "no namespace"));
	}
}

static int
listen_at(const char *path, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void
a_socket_is_tried(void **state)
{
	struct containerd_place place = { .space = "default" };
	struct ferry_error err = { 0 };
	char path[256];
	int fd;

	(void)state;
	whole(path, "/x.sock");
	snprintf(place.address, sizeof(place.address), "%.100s", path);
	assert_int_equal(containerd_place_probe(&place, &err),
			 FERRY_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "containerd does not run"));
	fd = listen_at(path, -1); /* as a crash leaves it behind */
	assert_int_equal(containerd_place_probe(&place, &err),
			 FERRY_E_NOT_FOUND);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(containerd_place_probe(&place, &err), 0);
	close(fd);
	unlink(path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_found),
		cmocka_unit_test(what_could_be_an_option_is_refused),
		cmocka_unit_test(a_socket_is_tried),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
