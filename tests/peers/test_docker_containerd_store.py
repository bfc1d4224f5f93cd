"""Out of a bundle into a Docker that keeps its images in containerd, with their digests."""

import json
from types import SimpleNamespace

import pytest
from job import AMD64, ARM64, rows
from peers import Docker, newer_dockerd
from test_docker import config_of, flip, forget, image_of

SMALL = ("trap/small:1", "trap/small:2")


@pytest.fixture(scope="module", name="docker")
def docker_fixture():
    with Docker(program=newer_dockerd(), containerd_store=True) as docker:
        yield docker


@pytest.fixture(name="load")
def load_fixture(docker, ferry):
    """load(bundle, *options) -> what ferry said of loading it into the daemon."""
    def load(path, *options):
        done = ferry("load", path, "--to", f"docker-daemon:{docker.socket}", *options)
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)
    return load


def digests_of(image):
    """What the daemon says of an image's digest: its ID, and by repository."""
    return {image["Id"], *(name.partition("@")[2] for name in image["RepoDigests"])}


def test_digests_are_kept(source, docker, load, tmp_path):
    """gzip, zstd and plain layers; what is there is not sent again; containers run."""
    names = ("redis:7-alpine", "trap/zstd-layer:1", "trap/plain-tar:1")
    path = source.pack(tmp_path / "bundle", *names)
    done = load(path)
    assert done.code == 0 and "digests" not in done.out + done.err, done.err
    for name in names:
        reference = source.reference(name)
        assert digests_of(image_of(docker, reference)) == {source.digest(name)}
        assert rows(done.out)[reference][2] == source.digest(name)
    assert "Redis server v=7" in docker.run(source.reference(names[0]), "redis-server", "--version")
    again = json.loads(load(path, "--json").out)
    assert again["sent"] == 0 and {image["state"] for image in again["images"]} == {"present"}
    forget(docker, *source.references(names))


def test_an_index_is_kept_with_all_its_platforms(source, docker, load, small_bundle, tmp_path):
    """Also where its name was one of them before."""
    one, two = source.references(SMALL)
    assert load(small_bundle).code == 0
    path = source.pack(tmp_path / "all", *SMALL, options=["--platform", "all"])
    done = load(path, "--json")
    told = json.loads(done.out)
    assert done.code == 0, done.err
    assert {(image["target_name"], image["platform"]) for image in told["images"]} == \
        {(name, platform) for name in (one, two) for platform in (AMD64, ARM64)}
    for name, reference in zip(SMALL, (one, two)):
        (index,) = {image["index_digest"] for image in told["images"] if image["name"] == reference}
        assert digests_of(image_of(docker, reference)) == {index}
        notes = {image["note"] for image in told["images"] if image["name"] == reference}
        assert notes == {f"it was {source.digest(name)} before"}
    again = json.loads(load(path, "--json").out)
    assert again["sent"] == 0 and {image["state"] for image in again["images"]} == {"present"}
    forget(docker, one, two)


def test_one_without_a_tag_and_one_under_another_name(source, docker, load, tmp_path):
    small = source.reference("trap/small:1")
    pinned = f"{small.rpartition(':')[0]}@{source.digest('trap/small:1')}"
    path = tmp_path / "pinned"
    ferry_pack = source.pack(path, "trap/small:2", options=[pinned])
    done = load(ferry_pack)
    assert done.code == 0, done.err
    assert image_of(docker, source.digest("trap/small:1"))["Id"] == source.digest("trap/small:1")
    docker.client("tag", source.reference("trap/small:2"), "elsewhere:1")
    docker.client("rmi", source.reference("trap/small:2"))
    told = json.loads(load(path, "--json").out)
    assert told["sent"] == 0
    assert {image["name"]: image["state"] for image in told["images"]} == {
        pinned: "present", source.reference("trap/small:2"): "done"}
    docker.client("rmi", "elsewhere:1")
    forget(docker, source.reference("trap/small:2"), source.digest("trap/small:1"))


def test_what_had_the_name_is_kept(source, docker, load, small_bundle, tmp_path):
    """Docker itself drops it when it loads another image of that name."""
    one, two = source.references(SMALL)
    other = source.reference("trap/zstd-layer:1")
    assert load(source.pack(tmp_path / "other", "trap/zstd-layer:1")).code == 0
    docker.client("tag", other, one)
    docker.client("rmi", other)
    done = load(small_bundle)
    assert done.code == 0, done.err
    before = source.digest("trap/zstd-layer:1")
    assert rows(done.out)[one][-1] == f"loaded, read back equal; it was {before} before"
    assert image_of(docker, one)["Id"] == source.digest("trap/small:1")
    assert image_of(docker, before)["RepoTags"] == []
    dangling = docker.api("GET", '/images/json?filters={"dangling":["true"]}')
    assert [image["Id"] for image in dangling] == [before]
    forget(docker, one, two, before)


def test_nothing_of_a_damaged_bundle_becomes_visible(source, docker, load, tmp_path):
    """One bit of its last blob: all others have been sent by then."""
    names = ("trap/big:1", "trap/small:1", "trap/plain-tar:1")
    path = source.pack(tmp_path / "damaged", *names)
    flip(path, lambda data: data.rindex(b"\x28\xb5\x2f\xfd") + 20)
    done = load(path)
    assert done.code == 3 and "blob sha256:" in done.err, done.err
    assert [image_of(docker, name) for name in source.references(names)] == [None] * 3
    assert docker.api("GET", "/images/json?all=true") == []


def test_the_classic_store_of_the_same_daemon(source, small_bundle, ferry, tmp_path):
    """It knows images by their IDs, and unpacks zstd."""
    path = source.pack(tmp_path / "bundle", "trap/zstd-layer:1", "trap/small:1")
    name = source.reference("trap/zstd-layer:1")
    with Docker(program=newer_dockerd()) as docker:
        for bundle in (path, small_bundle):
            done = ferry("load", bundle, "--to", f"docker-daemon:{docker.socket}")
            assert done.returncode == 0, done.stderr
            assert "what can be relied on is the image ID" in done.stdout
        assert image_of(docker, name)["Id"] == config_of(source, "trap/zstd-layer:1")
