"""Targets that are not there, are none, want credentials, or die on the way."""

import json

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_told, told
from mishaps import bench_fixture  # noqa: F401
from releases import NAMES, assert_in_place, assert_order, assert_second_run, failures, tags
from releases import release_fixture, target_fixture  # noqa: F401

BLOBS = 7       # three configs, five layers, of which two images share one
USER, PASSWORD = "carol", "s3cret"
NO_TARGET = {
    # What is wrong before anything is sent: (setup, words)
    "dead": (lambda server: server.die(), ["no connection: Connection refused"]),
    "web page": (lambda server: server.fault("", act.html_200(), times=None),
                 ["is not a registry", "text/html"]),
    "no /v2/": (lambda server: server.fault("ping", act.status(404), times=None),
                ["is not a registry", "/v2/"]),
    "503": (lambda server: server.fault("", act.status(503), times=None), ["answered 503"]),
    "basic": (lambda server: server.require_basic(USER, PASSWORD),
              ["without credentials", "docker login"]),
    "bearer": (lambda server: server.require_bearer(user=USER, password=PASSWORD),
               ["without credentials", "--authfile"]),
}


@pytest.mark.parametrize("name", NO_TARGET)
def test_no_target(target, name):
    """One line, soon, and nothing was tried that could leave something there."""
    setup, words = NO_TARGET[name]
    setup(target.server)
    done = target.load()
    assert done.seconds < 10, told(done)
    assert_told(done, 1, target.server.host, *words)
    assert len(done.stderr.splitlines()) <= 6, told(done)
    assert not any(record.method in ("PUT", "POST") and record.kind != "token"
                   for record in target.server.requests)
    assert tags(target.server) == {}


def test_an_unknown_name(target):
    done = target.run("load", target.bundle, "--to", "registry.invalid:5000", "--any-host")
    assert done.seconds < 10, told(done)
    assert_told(done, 1, "registry.invalid:5000: this name has no address")


def login(target):
    return ["--authfile", target.authfile(USER, PASSWORD)]


def require(server, scheme):
    if scheme == "basic":
        server.require_basic(USER, PASSWORD)
    else:
        server.require_bearer(user=USER, password=PASSWORD)


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_credentials(target, scheme):
    require(target.server, scheme)
    assert_done(target.load(options=login(target)))
    assert_in_place(target, *NAMES)


def revoked(exchange):
    """401 to a token that was good when the upload began."""
    exchange.registry.revoke_tokens(exchange.request.repo)
    exchange.body.read(20_000)
    exchange.send(exchange.registry.auth.unauthorized(exchange.request))


@pytest.mark.parametrize("match", ["PUT blob", "PUT manifest digest", "PUT manifest tag"])
def test_a_token_that_ends_in_mid_upload(target, match):
    """For each image anew: another one is asked for, and what broke is sent again."""
    require(target.server, "bearer")
    rules = [target.server.fault(match, act.Action("revoked", revoked), repo=repo)
             for repo in ("app", "db", "web")]
    assert_done(target.load(options=[*login(target), "--jobs", "1"]))
    assert [rule.fired for rule in rules] == [1, 1, 1]
    assert_in_place(target, *NAMES)


def test_no_location(target, release):
    target.server.fault("POST upload", act.set_header("Location", None), times=None, repo="web")
    done = target.load()
    assert_told(done, 5, "1 of 3 images")
    assert "without saying where" in failures(target, done, release)["web:1"]
    assert_in_place(target, "app:1", "db:1")
    assert_second_run(target, release)


@pytest.mark.parametrize("requests", [2, 3, 5, 8, 12, 16, 20, 24, 27, 30, 33, 36])
def test_death_at_any_moment(target, release, requests):
    """Whatever stands there is right; the same command finishes it."""
    server = target.server
    server.die_when(requests=requests)
    done = target.load(retries=0, options=["--jobs", "3"])
    assert done.returncode in (1, 5), told(done)
    assert done.seconds < 10, told(done)
    messages = [line for line in done.stderr.splitlines() if line.startswith("ferry: ")]
    assert len(messages) == 1, told(done)
    assert tags(server).items() <= {(name, target.images[name].manifest) for name in NAMES}
    assert_order(server)
    server.revive()
    assert_second_run(target, release)


def test_the_states_in_json(target, release):
    """What failed, and why, for programs too."""
    layer = target.images["app:1"].layers[0].digest
    target.server.fault("PUT blob", act.status(413), times=None, digest=layer)
    done = target.load(options=["--json"])
    document = json.loads(done.stdout)
    assert done.returncode == 5
    assert document["error"]["code"] == "partial"
    states = {image["name"]: image["state"] for image in document["images"]}
    assert states == {release.name("app:1"): "failed", release.name("db:1"): "done",
                      release.name("web:1"): "done"}
