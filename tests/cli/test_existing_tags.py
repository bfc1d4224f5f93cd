"""Tags that a registry has already, what a dry run says of them and of blobs, and --deep."""

import json

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_told, told
from mishaps import bench_fixture  # noqa: F401
from releases import NAMES, assert_in_place, assert_second_run, tags
from releases import release_fixture, target_fixture  # noqa: F401

WRITES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(name="other")
def other_fixture(target):
    """The digest of another image, for which app's tag stands there."""
    return target.server.add_image("app:1", layers=[1000]).manifest


def images(done):
    """{name: what --json says of it}."""
    return {image["name"].partition("/")[2]: image for image in json.loads(done.stdout)["images"]}


def writes(target, repo=None):
    return [record for record in target.server.matching(repo=repo) if record.method in WRITES]


def existing(what, *more):
    return ["--on-existing-tag", what, "--json", *more]


@pytest.mark.parametrize("options", [["--json"], existing("overwrite")])
def test_what_was_there_is_told(target, other, options):
    done = target.load(options=options)
    assert_done(done)
    app = images(done)["app:1"]
    assert (app["state"], app["note"]) == ("done", f"was {other}")
    assert images(done)["db:1"]["note"] == ""
    assert_in_place(target, *NAMES)


def test_the_table_tells_it_too(target, other):
    done = target.load()
    assert f"loaded, read back equal; was {other}" in done.stdout


def test_a_tag_is_left_as_it_is(target, other):
    done = target.load(options=existing("skip"))
    assert_done(done)
    app = images(done)["app:1"]
    assert (app["state"], app["note"]) == ("skipped", f"the tag stands for {other}")
    assert tags(target.server)["app:1"] == other
    assert tags(target.server).keys() == set(NAMES)
    assert writes(target, "app") == []


def test_an_image_fails_of_its_tag(target, other):
    done = target.load(options=["--on-existing-tag", "fail"])
    assert_told(done, 5, "1 of 3 images")
    line = f"app:1: tag 1: it stands for {other} there already (--on-existing-tag fail)"
    assert done.stderr.count(line) == 1, told(done)
    assert tags(target.server)["app:1"] == other
    assert tags(target.server).keys() == set(NAMES)
    assert writes(target, "app") == []


@pytest.mark.parametrize("what", ["skip", "fail"])
def test_a_tag_that_is_right_already_is_no_matter(target, release, what):
    assert_second_run(target, release)
    done = target.load(options=existing(what))
    assert_done(done)
    assert {image["state"] for image in images(done).values()} == {"present"}


@pytest.mark.parametrize("what, state, status", [("skip", "skipped", 0), ("fail", "failed", 5)])
def test_a_tag_that_appears_meanwhile(target, other, what, state, status):
    """It was not there when the load began; it is left alone all the same."""
    target.server.fault("GET manifest tag", act.status(404), repo="app")
    done = target.load(options=existing(what))
    assert done.returncode == status, told(done)
    assert images(done)["app:1"]["state"] == state
    assert tags(target.server)["app:1"] == other


def test_an_immutable_tag_says_what_it_stands_for(target, other):
    target.server.fault("PUT manifest tag", act.status(409), repo="app", times=None)
    done = target.load()
    assert_told(done, 5, "1 of 3 images")
    assert "will not have it replaced (409); is the tag immutable?" in done.stderr
    assert f"; it stands for {other}" in done.stderr, told(done)


def test_neither_overwrite_nor_skip_nor_fail(target):
    done = target.load(options=["--on-existing-tag", "ask"])
    assert done.returncode == 2
    assert "--on-existing-tag ask: neither overwrite nor skip nor fail" in done.stderr
    assert target.server.requests == []


# Dry runs


def test_a_dry_run_of_everything(target):
    done = target.load(options=["--dry-run", "--json"])
    assert_done(done)
    sizes = {name: image["size"] for name, image in images(done).items()}
    for name, image in images(done).items():
        manifest = target.server.requests and image["size"] - image["to_send"]
        assert 0 < manifest < 1000, name
    plan = json.loads(done.stdout)["plan"]
    assert sum(sizes.values()) > plan["send_bytes"] > 600_000
    assert writes(target) == []


def test_a_dry_run_knows_what_is_there(target, release):
    """db has a layer in common with app, which can be mounted."""
    only = target.run(*target.load_args(), "--only", release.name("db:1"))
    assert_done(only)
    before = len(writes(target))
    done = target.load(options=["--dry-run", "--json"])
    assert_done(done)
    found = images(done)
    assert (found["db:1"]["state"], found["db:1"]["to_send"]) == ("present", 0)
    shared = target.images["app:1"].layers[1].size
    whole = found["app:1"]["size"] - found["app:1"]["to_send"]
    assert shared < whole < shared + 1000
    assert found["app:1"]["state"] == "pending"
    assert len(writes(target)) == before
    table = target.load(options=["--dry-run"]).stdout
    assert "there already, equal" in table and "planned, 294 KiB to send" in table, table


@pytest.mark.parametrize("what, state, words", [
    ("overwrite", "pending", "to send; replaces {other}"),
    ("skip", "skipped", "left as it was; the tag stands for {other}"),
    ("fail", "failed", "refused"),
])
def test_a_dry_run_knows_what_would_be_refused(target, other, what, state, words):
    done = target.load(options=existing(what, "--dry-run"))
    assert_done(done)
    assert images(done)["app:1"]["state"] == state
    done = target.load(options=["--on-existing-tag", what, "--dry-run"])
    assert done.returncode == 0
    assert words.format(other=other) in done.stdout, told(done)
    assert writes(target) == []


def test_a_dry_run_that_cannot_know(target):
    """Nothing is made up of blobs that cannot be looked for."""
    layer = target.images["app:1"].layers[0].digest
    target.server.fault("HEAD blob", act.status(500), times=None, digest=layer)
    done = target.load(options=["--dry-run", "--json", "--retries", "0"])
    assert_done(done)
    assert images(done)["app:1"]["to_send"] is None
    assert images(done)["web:1"]["to_send"] > 100_000
    assert json.loads(done.stdout)["plan"]["send_bytes"] is None


# --deep


def test_every_blob_is_read_back(target):
    done = target.load(options=["--deep"])
    assert_done(done)
    assert done.stdout.count("loaded, read back equal; every blob read back equal") == len(NAMES)
    read = {(record.repo, record.digest) for record in target.server.matching("GET blob")}
    assert read == {(name.partition(":")[0], blob) for name in NAMES
                    for image in [target.images[name]]
                    for blob in (image.config, *(layer.digest for layer in image.layers))}


def test_a_blob_that_reads_back_wrong(target):
    """No manifest of it, and no tag."""
    layer = target.images["app:1"].layers[0].digest
    target.server.fault("GET blob", act.wrong_bytes(), times=None, digest=layer)
    done = target.load(options=["--deep"])
    assert_told(done, 5, "1 of 3 images")
    assert f"app:1: blob {layer}: read back: " in done.stderr, told(done)
    assert target.server.count("PUT manifest", repo="app") == 0
    assert_in_place(target, "db:1", "web:1")


@pytest.mark.parametrize("options", [["--deep"], ["--on-existing-tag", "skip"],
                                     ["--on-existing-tag", "fail"], ["--chunk-size", "16M"]])
@pytest.mark.parametrize("to", ["docker", "docker-daemon:/nowhere/docker.sock", "containerd",
                                "podman", "oci:/nowhere"])
def test_what_only_a_registry_can_do(bench, options, to):
    """Refused before anything is looked at: it would have no effect."""
    done = bench.run("load", "-", "--to", to, *options)
    message = f"ferry: {options[0]} is for registries, and {to} is none\n"
    assert (done.returncode, done.stdout) == (2, ""), told(done)
    assert done.stderr.startswith(message), told(done)
