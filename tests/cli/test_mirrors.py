"""Mirrors: asked first, believed no more than anybody, fallen back from where they fail."""

import base64
import json

import pytest

import faulty_actions as act
from faulty import FaultyRegistry
from mishaps import assert_done, assert_packed, assert_told, file_digest, told
from mishaps import bench_fixture  # noqa: F401

SIZE = 300_000


@pytest.fixture(name="mirror")
def mirror_fixture(bench):
    """Another registry, which has the same app:1 as the bench's."""
    bench.add(layers=[SIZE, 1000])
    with FaultyRegistry(seed="mishaps") as server:
        server.add_image("app:1", layers=[SIZE, 1000])
        yield server


def pack(bench, *mirrors, options=(), **more):
    """app:1 by way of these mirrors, which may be URLs."""
    urls = [getattr(mirror, "url", mirror) for mirror in mirrors]
    rules = [part for url in urls for part in ("--mirror", f"{bench.server.host}={url}")]
    return bench.pack("app:1", options=[*rules, *options], **more)


def told_of(done):
    """What was said of falling back."""
    return [line for line in done.stderr.splitlines() if "falling back" in line]


def test_all_comes_from_the_mirror(bench, mirror):
    done = pack(bench, mirror)
    assert_done(done)
    assert bench.server.requests == [] and not told_of(done)
    assert_packed(bench, bench.images)


def test_the_bundle_has_no_trace_of_it(bench, mirror):
    assert_done(bench.pack("app:1"))
    digest = file_digest(bench.bundle)
    assert_done(pack(bench, mirror, options=["--force"]))
    assert mirror.count("GET blob")
    assert file_digest(bench.bundle) == digest


def test_a_path_goes_before_the_names(bench, mirror):
    mirror.add_image("cache/hub/app:1", layers=[SIZE, 1000])
    for image in bench.images.values():
        mirror.retag("cache/hub/app", "1", image)
    for tail in ("/cache/hub", "/cache/hub/", "/v2/cache/hub"):
        assert_done(pack(bench, mirror.url + tail, options=["--force"]))
        assert bench.server.requests == []
    assert {record.path.split("/app/")[0] for record in mirror.matching("manifest")} == \
        {"/v2/cache/hub"}


STATUSES = (401, 403, 404, 500, 502, 503)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("match", ["manifest", "GET blob"])
def test_what_it_refuses_comes_from_the_registry(bench, mirror, status, match):
    mirror.fault(match, act.status(status), times=None)
    done = pack(bench, mirror, retries=1)
    assert_done(done)
    notice, = told_of(done)
    assert f"mirror {mirror.host}: " in notice and str(status) in notice
    # What is about one repository only does not keep it from being asked for more.
    alone = match == "manifest" and status < 500
    assert bench.server.count("GET blob") == (0 if alone else 3)
    assert bench.server.count("manifest") == (1 if match == "manifest" else 0)
    assert_packed(bench, bench.images)


def test_a_dead_one_is_asked_once(bench, mirror):
    mirror.die()
    done = pack(bench, mirror)
    assert_done(done)
    notice, = told_of(done)
    assert "Connection refused" in notice and notice.endswith("and not asking it again")
    assert done.seconds < 5


def test_a_web_page_is_no_mirror(bench, mirror):
    mirror.fault("", act.html_200(), times=None)
    done = pack(bench, mirror)
    assert_done(done)
    assert len(told_of(done)) == 1 and "is not a registry" in told_of(done)[0]
    assert mirror.count() == 1


def test_wrong_bytes_are_found_out(bench, mirror):
    """And what it says afterwards is not asked for."""
    layer = bench.images["app:1"].layers[0]
    rule = mirror.fault("GET blob", act.wrong_bytes(), digest=layer.digest, times=None)
    done = pack(bench, mirror, options=["--jobs", 1])
    assert_done(done)
    assert rule.fired == 1
    notice, = told_of(done)
    assert "its content is sha256:" in notice
    assert_packed(bench, bench.images)


def test_a_wrong_manifest_is_found_out(bench, mirror):
    image = bench.images["app:1"]
    mirror.fault("manifest", act.wrong_bytes(), times=None)
    done = bench.run("pack", "-o", bench.bundle, "--mirror", f"{bench.server.host}={mirror.url}",
                     f"{bench.name('app')}@{image.manifest}")
    assert_done(done)
    assert len(told_of(done)) == 1 and f"asked for {image.manifest}" in told_of(done)[0]


def test_two_that_lie(bench, mirror):
    """A blob is begun again only once: then the registry itself is asked."""
    layer = bench.images["app:1"].layers[0]
    with FaultyRegistry(seed="mishaps") as other:
        other.add_image("app:1", layers=[SIZE, 1000])
        for server in (mirror, other):
            server.fault("GET blob", act.wrong_bytes(), digest=layer.digest, times=None)
        assert_done(pack(bench, mirror, other))
        assert other.count("GET blob", digest=layer.digest) == 0
    assert_packed(bench, bench.images)


def test_several_are_asked_in_their_order(bench, mirror):
    mirror.fault("", act.status(404), times=None)
    with FaultyRegistry(seed="mishaps") as other:
        other.add_image("app:1", layers=[SIZE, 1000])
        done = pack(bench, mirror, other)
        assert_done(done)
        assert len(told_of(done)) == 1 and f"mirror {mirror.host}: " in told_of(done)[0]
        assert other.count("GET blob") == 3 and bench.server.requests == []


def test_what_it_sent_before_it_broke_counts(bench, mirror):
    """The registry goes on behind that byte."""
    layer = bench.images["app:1"].layers[0]
    mirror.fault("GET blob", act.cut(after=SIZE // 2), digest=layer.digest, times=None)
    done = pack(bench, mirror, retries=0)
    assert_done(done)
    here, = bench.server.matching("GET blob", digest=layer.digest)
    assert here.headers["range"] == f"bytes={SIZE // 2}-"
    assert_packed(bench, bench.images)


def test_a_tag_is_resolved_once(bench, mirror):
    """Whoever answers: what the registry calls so meanwhile makes no difference."""
    other = bench.server.add_image("app:2", layers=[5])
    bench.server.retag("app", "1", other)
    mirror.fault("GET blob", act.status(404), times=None)
    assert_done(pack(bench, mirror))
    assert bench.server.count("manifest") == 0
    assert_packed(bench, bench.images)


def test_nobody_has_it(bench, mirror):
    mirror.fault("manifest", act.status(404), times=None)
    bench.server.fault("manifest", act.status(404), times=None)
    done = pack(bench, mirror)
    assert_told(done, 1, "1 of 1 image")
    assert f"{bench.name('app:1')}: {bench.server.host} does not have it" in done.stderr, told(done)


def secrets(server):
    return set(server.authorization_seen("registry"))


def test_each_gets_its_own_credentials(bench, mirror):
    bench.server.require_basic("ann", "hers")
    mirror.require_basic("bob", "his")
    mirror.fault("GET blob", act.status(404), times=None)

    def basic(pair):
        return base64.b64encode(pair.encode()).decode()
    path = bench.folder / "auth.json"
    path.write_text(json.dumps({"auths": {
        bench.server.host: {"auth": basic("ann:hers")},
        mirror.host: {"auth": basic("bob:his")}}}))
    assert_done(pack(bench, mirror, options=["--authfile", path]))
    assert secrets(bench.server) == {"Basic " + basic("ann:hers")}
    assert secrets(mirror) == {"Basic " + basic("bob:his")}


def test_it_never_gets_those_of_the_registry(bench, mirror):
    bench.server.require_basic("ann", "hers")
    mirror.require_basic("ann", "hers")
    done = pack(bench, mirror, options=["--authfile", bench.authfile("ann", "hers")])
    assert_done(done)
    assert secrets(mirror) == set() and secrets(bench.server)
    assert len(told_of(done)) == 1 and "no credentials for " + mirror.host in told_of(done)[0], \
        told(done)


def test_a_mirror_of_another_host_is_left_alone(bench, mirror):
    assert_done(bench.pack("app:1", options=["--mirror", f"docker.io={mirror.url}"]))
    assert mirror.requests == []


def test_nothing_is_pushed_there(bench, mirror):
    assert_done(bench.pack("app:1"))
    done = bench.run("load", bench.bundle, "--to", bench.server.host, "--mirror",
                     f"{bench.server.host}={mirror.url}")
    assert done.returncode == 2 and "unknown option '--mirror'" in done.stderr
    assert mirror.requests == []


@pytest.mark.parametrize("rule, words", {
    "docker.io": ["a mirror is given as HOST=URL"],
    "=https://m.example": ["a mirror is given as HOST=URL"],
    "docker.io/library=https://m.example": ["a mirror is given as HOST=URL"],
    "docker.io=": ["mirror of docker.io: a URL without"],
    "docker.io=m.example": ["without http:// or https://"],
    "docker.io=ftp://m.example": ["neither http nor https"],
    "docker.io=https://ann:hers@m.example": ["a user name"],
    "docker.io=https://m.example/a?b=c": ["more than a path"],
    "docker.io=https://m.example/a/../b": ["path"],
    "docker.io=https://m.example/A": ["its path cannot go before a repository's name"],
    "docker.io=https://m.example/a//b": ["its path cannot go before a repository's name"],
    "docker.io=http://m.example": ["--plain-http m.example"],
    "docker.io=http://m.example:5000/a": ["--plain-http m.example:5000"],
}.items())
def test_slips(bench, rule, words):
    """Told before anything is asked for, whatever host they are about."""
    done = bench.pack("app:1", options=["--mirror", rule])
    assert done.returncode == 2, told(done)
    assert all(word in done.stderr for word in words) and "hers" not in done.stderr, told(done)
    assert bench.server.requests == []


def test_without_tls_if_it_is_said_so(bench, mirror):
    url = f"http://registry.localhost:{mirror.port}"
    done = pack(bench, url, options=["--plain-http", f"registry.localhost:{mirror.port}"])
    assert_done(done)
    assert bench.server.requests == []
