"""What the tests of bad targets share: a release, and what became of it."""

import hashlib
import shutil

import pytest

from faulty import FaultyRegistry
from mishaps import Bench, assert_done, digests, told

NAMES = ["app:1", "db:1", "web:1"]


def fill(bench):
    """Packs three images, two of which share a layer."""
    app = bench.add("app:1", layers=[300_000, 40_000])
    bench.add("db:1", layers=[app.layers[1], 200_000])
    bench.add("web:1", layers=[100_000], layer_kind="tar")
    assert_done(bench.pack(*NAMES))


@pytest.fixture(scope="module", name="release")
def release_fixture(tmp_path_factory):
    """A bundle of three images, two of which share a layer; and where it is from."""
    with FaultyRegistry(seed="release") as server:
        bench = Bench(server, tmp_path_factory.mktemp("release"))
        fill(bench)
        yield bench


@pytest.fixture(name="target")
def target_fixture(bench, release):
    """An empty registry to load the release into."""
    shutil.copy(release.bundle, bench.bundle)
    bench.images = release.images
    return bench


def repo_of(name):
    return name.partition(":")[0]


NO_FAILURE = ("all its blobs are there", "loaded, read back equal", "there already, equal")


def failures(target, done, release):
    """{image: what is said of its failure} on standard error."""
    lines = done.stderr.splitlines()
    return {name: line.partition(": ")[2] for name in NAMES for line in lines
            if line.startswith(release.name(name) + ": ")
            and not line.endswith(tuple(": " + words for words in NO_FAILURE))}


def tags(server):
    """{"app:1": digest} of all tags."""
    return {f"{name}:{tag}": digest for name, repo in server.store.repos.items()
            for tag, digest in repo.tags.items()}


def assert_order(server):
    """Tags come after all manifests by digest, manifests after their blobs."""
    puts = [record for record in server.requests if record.method == "PUT"]
    last = {kind: max((n for n, put in enumerate(puts) if put.kind == kind), default=-1)
            for kind in ("blob", "manifest digest")}
    for n, put in enumerate(puts):
        if put.kind == "manifest tag":
            assert n > max(last.values())
        if put.kind == "manifest digest":
            assert n > last["blob"]


def assert_in_place(target, *names):
    """These images, and no others, have their tags; all of each is there, and right."""
    server = target.server
    assert tags(server) == {name: target.images[name].manifest for name in names}
    for name in names:
        repo = repo_of(name)
        for digest in digests(target.images[name]):
            is_manifest = digest == target.images[name].manifest
            data = (server.store.find_manifest(repo, digest)[1] if is_manifest
                    else server.store.find_blob(repo, digest))
            assert "sha256:" + hashlib.sha256(data).hexdigest() == digest


def assert_second_run(target, release):
    """The registry is well again: the same command does what is missing, no more."""
    server = target.server
    there = {(name, digest) for name, repo in server.store.repos.items() for digest in repo.blobs}
    server.clear_faults()
    before = len(server.requests)
    done = target.load()
    assert_done(done)
    sent = {(record.repo, record.digest) for record in server.requests[before:]
            if (record.method, record.kind) == ("PUT", "blob")}
    assert not sent & there, told(done)
    assert_in_place(target, *NAMES)
    assert failures(target, done, release) == {}
