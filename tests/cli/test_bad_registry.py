"""Registries that have not got the image, or something else under its name.

Each case plays one fault on every request it fits, and the plan must refuse
the image in words that name the culprit, before a layer is pulled.
"""

import pytest

import faulty_actions as act
from faulty_images import DOCKER_MANIFEST, OCI_INDEX, SCHEMA1
from mishaps import assert_done, assert_failed, assert_packed, assert_refused, digests, told
from mishaps import bench_fixture  # noqa: F401

TWO = ("linux/amd64", "linux/arm64")
SCHEMA1_WORDS = ["schema 1", "pushed again by a current tool"]


def played(match, action, times=None, **image):
    """A setup: app:1, and a fault that counts."""
    def setup(bench):
        bench.add(**image)
        return bench.server.fault(match, action, times=times)
    return setup


def made(**image):
    """A setup: an app:1 that is wrong by itself."""
    def setup(bench):
        bench.add(**image)
    return setup


def lost(part):
    """A setup: an index of which something is gone."""
    def setup(bench):
        bench.server.forget(part(bench.add(platforms=TWO)))
    return setup


def typed(media_type):
    return played("manifest", act.set_header("Content-Type", media_type))


REFUSED = {
    # name: (setup, words of the refusal[, exit status])
    "unknown image": (lambda _: None, ["{host} does not have it", "manifest unknown"]),
    "403": (played("manifest", act.status(403)),
            ["not found, or private", "no credentials for {host}", "--authfile"]),
    "401": (lambda bench: bench.server.require_basic("a", "b"),
            ["not found, or private", "no credentials for {host}", "--authfile"]),
    "captive portal": (played("", act.html_200()), ["{host} is not a registry", "text/html"]),
    "web page as manifest": (played("manifest", act.html_200()),
                             ["{host} is not a registry", "text/html"]),
    "web page as config": (played("GET blob", act.html_200()),
                           ["{host} is not a registry", "text/html"]),
    "schema 1, signed": (played("manifest", act.schema1()), SCHEMA1_WORDS),
    "schema 1, unsigned": (played("manifest", act.schema1(signed=False)), SCHEMA1_WORDS),
    "schema 1 by name": (typed(SCHEMA1), SCHEMA1_WORDS),
    "image and index at once": (played("manifest", act.both_fields()),
                                ["an index as well as an image"]),
    "manifest of 100 MB": (played("manifest", act.huge_manifest()),
                           ["{host}", "more than 8.0 MiB"]),
    "manifest of 100 MB, chunked": (played("manifest", act.huge_manifest(chunked=True)),
                                    ["{host}", "more than 8.0 MiB"]),
    "endless manifest": (played("manifest", act.endless()), ["{host}", "more than 8.0 MiB"]),
    "endless headers": (played("manifest", act.endless_headers()),
                        ["{host}", "more than 128 header lines"]),
    "endless header": (played("manifest", act.endless_headers(one_line=True)),
                       ["{host}", "header"]),
    "endless 100 Continue": (played("manifest", act.endless_interim()),
                             ["{host}", "more than 16 interim answers"]),
    "endless headers at once": (played("ping", act.endless_headers()),
                                ["{host}", "more than 128 header lines"]),
    "index of 100 000": (played("manifest tag", act.crowded_index()),
                         ["{host}", "more than 8.0 MiB"]),
    "index of 30 000": (played("manifest tag", act.crowded_index(30_000)),
                        ["index sha256:", "30000 entries, but 4096 is the limit"]),
    "index of what is not there": (played("manifest tag", act.crowded_index(10)),
                                   ["manifest " + act.WRONG_DIGEST, "its index", "{host}"]),
    "manifest of the index lost": (lost(lambda image: image.manifest),
                                   ["manifest {manifest}", "its index", "does not have it"]),
    "config lost": (lost(lambda image: image.config), ["blob {config}", "does not have it"]),
    "config shorter than said": (made(size_lies={"config": 1}), ["blob {config}", "bytes instead"]),
    "config longer than said": (made(size_lies={"config": -1}), ["blob {config}", "more than the"]),
    "manifest shorter than said": (made(size_lies={"manifest": 1}, index=True),
                                   ["manifest {manifest}", "its index says"]),
    "manifest longer than said": (made(size_lies={"manifest": -1}, index=True),
                                  ["manifest {manifest}", "its index says"]),
    "another digest in the header": (played("manifest", act.wrong_digest_header()),
                                     [act.WRONG_DIGEST, "{manifest}"]),
    "wrong bytes of a config": (played("GET blob", act.wrong_bytes()),
                                ["blob {config}", "its content is sha256:"]),
    "wrong bytes by digest": (played("manifest digest", act.wrong_bytes(), index=True),
                              ["asked for {manifest}", "sent sha256:"]),
    "called an index": (typed(OCI_INDEX), [f"called {OCI_INDEX}", "is an image manifest"]),
    "called another manifest": (typed(DOCKER_MANIFEST), [f"called {DOCKER_MANIFEST}", "itself"]),
    "called a picture": (typed("image/png"), ["image/png"]),
    "called at length": (typed("a" * 300), ["Content-Type of 300 bytes"]),
    "encoded on the way": (played("manifest", act.gzip_encoded()), ["sha256:"]),
    "the index lies": (made(platforms=TWO, config_platform={TWO[0]: TWO[1]}),
                       ["its index says linux/amd64", "its config says linux/arm64"], 4),
    "another platform": (made(platforms=TWO[1:]), ["no linux/amd64", "it has linux/arm64"], 4),
    "other platforms": (made(platforms=("linux/arm64", "windows/amd64")),
                        ["no linux/amd64", "it has linux/arm64, windows/amd64"], 4),
    "none but attestations": (made(platforms=TWO[1:], attestations=True),
                              ["no linux/amd64", "it has linux/arm64"], 4),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_image_is_refused(bench, name):
    setup, words, *status = REFUSED[name]
    rule = setup(bench)
    done = bench.pack("app:1")
    assert rule is None or rule.fired
    assert done.seconds < 20, told(done)
    assert_refused(bench, done, {"app:1": bench.words(words)}, status=status[0] if status else 1)


ACCEPTED = {
    # What is odd about a registry, but can be proved all the same.
    "no digest in the header": played("manifest", act.wrong_digest_header(None)),
    "a wrong digest in the header, once": played("manifest", act.wrong_digest_header(), times=1),
    "wrong bytes of a manifest, once": played("manifest digest", act.wrong_bytes(), times=1,
                                              index=True),
    "wrong bytes of a config, once": played("GET blob", act.wrong_bytes(), times=1),
    "called a file": typed("application/octet-stream"),
    "called JSON": typed("application/json; charset=utf-8"),
    "called nothing": typed(None),
    "encoded by name only": played("manifest", act.gzip_encoded(honest=False)),
    "chunked": played("", act.unframed()),
    "until it closes": played("manifest", act.unframed("close")),
    "attested": made(attestations=True),
    "docker's own types": made(flavour="docker", platforms=TWO),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_odd_but_right_is_packed(bench, name):
    rule = ACCEPTED[name](bench)
    done = bench.pack("app:1")
    assert rule is None or rule.fired
    assert_done(done)
    assert_packed(bench, bench.images)
    assert bench.left() == [bench.bundle.name]


def test_an_attestation_is_never_chosen(bench):
    """Nor is anything of it asked for."""
    image = bench.add(platforms=TWO, attestations=True)
    assert_done(bench.pack("app:1"))
    asked = {record.digest for record in bench.server.requests if record.digest}
    assert asked == digests(image)


def unreachable(bench, host):
    """The refusal of an image of a host that cannot be reached."""
    done = bench.run("pack", "-o", bench.bundle, f"{host}/app:1")
    assert done.seconds < 10, told(done)
    assert_failed(bench, done, "1 of 1 image cannot be packed; nothing was pulled")
    return next(x for x in done.stderr.splitlines() if x.startswith(f"{host}/app:1: {host}: "))


def test_closed_port(bench):
    """Nobody waits and tries again for a registry that never was there."""
    bench.server.die()
    assert "no connection: Connection refused" in unreachable(bench, bench.server.host)


def test_unknown_name(bench):
    line = unreachable(bench, "registry.invalid")
    assert "this name has no address" in line and "spelling" in line


def test_all_refusals_come_at_once(bench):
    """One run names everything that is wrong, whatever is right besides."""
    server = bench.server
    bench.add("good:1", layers=[1000])
    server.add_image("arm:1", platforms=TWO[1:])
    server.add_image("old:1")
    server.fault("manifest", act.schema1(), times=None, repo="old")
    server.add_image("private:1")
    server.fault("manifest", act.status(403), times=None, repo="private")
    server.add_image("liar:1", platforms=TWO, config_platform={TWO[0]: TWO[1]})
    done = bench.pack("good:1", "arm:1", "old:1", "private:1", "absent:1", "liar:1")
    assert_refused(bench, done, {
        "arm:1": ["no linux/amd64; it has linux/arm64"],
        "old:1": ["schema 1"],
        "private:1": ["not found, or private"],
        "absent:1": ["does not have it"],
        "liar:1": ["its index says linux/amd64, its config says linux/arm64"],
    }, total=6, status=4)


def test_a_tag_that_moves_is_read_once(bench):
    """The bundle is of the first reading, all of it."""
    first = bench.add(platforms=TWO, layers=[5000])
    other = bench.server.add_image("other:1", layers=[7000])
    bench.server.fault("manifest tag", act.moving_tag(other))
    assert_done(bench.pack("app:1"))
    assert bench.server.store.repo("app").tags["1"] == other.manifest
    assert bench.server.count("manifest tag") == 1
    assert_packed(bench, {"app:1": first})


def test_no_header_is_sent_twice(bench):
    """Some servers and proxies refuse that, or take it for two values."""
    seen = []

    def watch(exchange):
        seen.append([name.lower() for name in exchange.request.headers.keys()])
        exchange.send(exchange.answer())

    bench.add()
    bench.server.fault("", act.Action("watch", watch), times=None)
    assert_done(bench.pack("app:1"))
    assert_done(bench.load())
    assert len(seen) > 6
    for names in seen:
        assert len(set(names)) == len(names) and "accept-encoding" in names
