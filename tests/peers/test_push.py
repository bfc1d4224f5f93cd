"""Pushing to real registries on bad days: killed, full, read-only, and of several machines."""

import json
import re
import socket
import subprocess
from contextlib import contextmanager

import ferry
import pytest
from gate import Gate
from job import Watch, assert_there, tags_of
from nginx import Nginx, pass_to
from peers import Registry, wait_for
from process import Process

BIG, SMALL = "api-gateway:latest", "trap/small:1"
CHUNKS = ["--chunk-size", "1M", "--jobs", "1"]
MIB = 1 << 20


@pytest.fixture(scope="module", name="big_bundle")
def big_bundle_fixture(source, tmp_path_factory):
    """An image of several layers, of which one has some MiB, and a small one."""
    return source.pack(tmp_path_factory.mktemp("big") / "big.tar.zst", BIG, SMALL)


@pytest.fixture(name="expected")
def expected_fixture(source):
    """What must be there in the end."""
    return {name: source.digest(name) for name in (BIG, SMALL)}


@pytest.fixture(name="load")
def load_fixture(big_bundle, tmp_path):
    """load(address, *options): the bundle, with a state folder of the test's own."""
    def load(address, *options, bundle=big_bundle):
        return ferry.run("load", bundle, "--to", address, *options,
                         env={"XDG_STATE_HOME": tmp_path / "state"})
    return load


def kill_when(gate, bundle, folder, *options):
    """Load through the gate, and end that by SIGKILL when the gate has shut."""
    child = Process([ferry.program(), "load", bundle, "--to", gate.address, *options],
                    folder / "killed.log", ferry.environment({"XDG_STATE_HOME": folder / "state"}))
    assert gate.shut.wait(30), child.log_tail()
    records = folder / "state/ferry/uploads"
    wait_for(lambda: any(json.loads(path.read_text())["accepted"] == 2 * MIB
                         for path in records.glob("*.json")))
    child.kill()


def test_an_upload_survives_the_death_of_ferry(target, load, big_bundle, expected, tmp_path):
    """Between two chunks: docker-registry 2.8 keeps the session, also over its own death."""
    with Gate(target.address, b"PATCH ", 2) as gate:
        kill_when(gate, big_bundle, tmp_path, *CHUNKS)
        target.kill()
        target.start()
        gate.open()
        watch = Watch(target)
        done = load(gate.address, *CHUNKS)
        assert done.returncode == 0, done.stderr
        assert "going on with the upload of" in done.stderr
        assert "2.0 MiB are there" in done.stderr
        digest = re.search(r"going on with the upload of (sha256:\w+)", done.stderr).group(1)
        size = {layer["digest"]: layer["size"] for layer in sizes_of(target, BIG)}[digest]
        session = next(request.path.partition("?")[0] for request in watch.requests()
                       if request.uploaded == digest)
        patches = [request for request in watch.requests()
                   if request.method == "PATCH" and request.path.startswith(session)]
        assert len(patches) == -(-size // MIB) - 2
    assert_there(target, expected)
    assert list((tmp_path / "state/ferry/uploads").iterdir()) == []


def sizes_of(registry, name):
    """The layers of an image in a registry, by its manifest."""
    out = subprocess.run(["skopeo", "inspect", "--raw", "--tls-verify=false",
                          f"docker://{registry.address}/{name}"], capture_output=True, check=True)
    return json.loads(out.stdout)["layers"]


def test_a_chunk_that_broke_costs_the_session(target, load, big_bundle, expected, tmp_path):
    """docker-registry 2.8 forgets it when a chunk came in half: all begins again, by itself."""
    with Gate(target.address, b"PATCH ", 2) as gate:
        kill_when(gate, big_bundle, tmp_path, *CHUNKS)
        record, = (tmp_path / "state/ferry/uploads").glob("*.json")
        half_a_chunk(target, json.loads(record.read_text())["session"])
        gate.open()
        done = load(gate.address, *CHUNKS)
        assert done.returncode == 0, done.stderr
        assert "going on" not in done.stderr
    assert_there(target, expected)
    assert list((tmp_path / "state/ferry/uploads").iterdir()) == []


def half_a_chunk(registry, session):
    """A PATCH that ends before it should."""
    path = session.partition("/v2/")[2]
    with socket.create_connection(("127.0.0.1", registry.port)) as connection:
        connection.sendall(f"PATCH /v2/{path} HTTP/1.1\r\nHost: x\r\n"
                           "Content-Type: application/octet-stream\r\n"
                           f"Content-Length: {MIB}\r\n\r\n".encode() + b"x" * 1000)
    wait_for(lambda: any('"PATCH' in line and '" 499 ' in line or '"PATCH' in line and
                         re.search(r'" [45]\d\d ', line) for line in registry.access_log()), 10)


@contextmanager
def disk(folder, size):
    """A disk of that size, for as long as the block lasts."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("options", [[], CHUNKS], ids=["at once", "chunks"])
def test_a_registry_that_is_full(load, expected, tmp_path, options):
    """What was there stays; with more room the same command sends the rest, and only that.

    docker-registry 2.8 keeps what arrived of an upload that it had no room for.
    """
    with disk(tmp_path / "disk", "6m") as folder, Registry(folder) as registry:
        assert load(registry.address, "--only", SMALL).returncode == 0
        done = load(registry.address, *options, "--retries", "0")
        assert done.returncode == 5, done.stderr
        assert re.search(rf"{BIG}: blob sha256:\w+: {registry.address} answered 500", done.stderr)
        assert tags_of(registry) == [SMALL]
        subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
        watch = Watch(registry)
        before = {request.uploaded for request in Watch.whole(registry)} - {None}
        assert before
        done = load(registry.address, *options)
        assert done.returncode == 0, done.stderr
        assert not {request.uploaded for request in watch.requests()} & before
        assert_there(registry, expected)


def test_a_registry_that_only_reads(load, tmp_path):
    with Registry(tmp_path / "storage", readonly=True) as registry:
        done = load(registry.address)
        assert done.returncode == 1
        assert "does not allow it (405); is it read-only?" in done.stderr
        assert tags_of(registry) == []


@pytest.mark.parametrize("options", [[], CHUNKS], ids=["at once", "chunks"])
def test_a_registry_that_deletes_nothing(load, expected, tmp_path, options):
    with Registry(tmp_path / "storage", deletes=False) as registry:
        done = load(registry.address, *options)
        assert done.returncode == 0, done.stderr
        assert_there(registry, expected)


@pytest.mark.parametrize("options", [[], ["--chunk-size", "256K"]], ids=["at once", "chunks"])
def test_one_of_two_machines_dies(source, load, bundle, tmp_path, options):
    """They share their storage behind one address; the push ends well all the same."""
    storage = tmp_path / "storage"
    with Registry(storage) as one, Registry(storage) as two, \
            Nginx(pass_to("http://pair", "proxy_next_upstream error timeout;"),
                  f"upstream pair {{ server {one.address}; server {two.address}; }}") as front:
        child = Process([ferry.program(), "load", bundle, "--to", front.address, *options],
                        tmp_path / "load.log",
                        ferry.environment({"XDG_STATE_HOME": tmp_path / "state"}))
        wait_for(lambda: len([line for line in one.access_log() if '"PUT' in line]) > 2)
        assert child.running()
        one.kill()
        before = len(two.access_log())
        wait_for(lambda: not child.running(), 60)
        assert "13 of 13 images in place" in child.log_tail(), child.log_tail()
        assert len(two.access_log()) > before + 20
        assert_there(two, {name: source.digest(name) for name in source.names})
    done = load(front.address, bundle=bundle)
    assert done.returncode == 1     # nobody is there any more


def test_every_blob_of_a_real_registry_is_read_back(target, load, big_bundle, expected):
    watch = Watch(target)
    done = load(target.address, "--deep")
    assert done.returncode == 0, done.stderr
    read = {request.path for request in watch.requests()
            if request.method == "GET" and "/blobs/sha256:" in request.path}
    assert len(read) >= 6
    blob = max((target.storage_dir / "docker/registry/v2/blobs").glob("sha256/*/*/data"),
               key=lambda path: path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    done = load(target.address)
    assert done.returncode == 0, "only --deep looks into blobs that are there"
    done = load(target.address, "--deep")
    assert done.returncode == 5
    assert f"{BIG}: blob sha256:{blob.parent.name}: read back: " in done.stderr, done.stderr
