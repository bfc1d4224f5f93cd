"""Bundles and archives through a pipe, into real registries and Dockers."""

import hashlib
import json
import os
import subprocess
import tempfile
import threading
import time

import ferry
import pytest
from job import assert_there
from mishaps import is_sanitized
from peers import Docker, Registry
from process import run

pytestmark = pytest.mark.stack

LARGE = 256 << 20
MOST = 64 << 20         # bytes of memory, whatever comes
IMAGES = ("trap/small:1", "trap/small:2")


@pytest.fixture(name="docker", scope="module")
def docker_fixture():
    """One Docker for all tests."""
    with Docker() as docker:
        yield docker


def through(feeder, to, *options, what="-"):
    """`FEEDER | ferry load - ...`; the document, and ferry's memory at most."""
    with tempfile.NamedTemporaryFile("r") as memory, \
            subprocess.Popen(feeder, stdout=subprocess.PIPE) as cat:
        done = subprocess.run(
            [*ferry.measuring(memory.name), ferry.program(), "load", what, "--to", to,
             "--any-host", "--json", *map(str, options)], stdin=cat.stdout, text=True,
            capture_output=True, env=ferry.environment(), check=False)
        cat.stdout.close()
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout), int(memory.read()) << 10


def states(document):
    return {image["state"] for image in document["images"]}


def expected(source):
    return {name: source.digest(name) for name in IMAGES}


def test_into_a_registry(small_bundle, source, target):
    """And once more, when nothing is sent."""
    first, _ = through(["cat", small_bundle], target.address)
    assert states(first) == {"done"}
    assert_there(target, expected(source))
    again, _ = through(["cat", small_bundle], target.address)
    assert (states(again), again["sent"]) == ({"present"}, 0)


def trickle(path, fifo):
    """As a slow line does: some bytes, a pause, and again."""
    with open(fifo, "wb", buffering=0) as out:
        data = path.read_bytes()
        for at in range(0, len(data), 3001):
            out.write(data[at:at + 3001])
            time.sleep(0.02 if at < 60000 else 0)


def test_through_a_slow_fifo(small_bundle, source, target, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    slow = threading.Thread(target=trickle, args=(small_bundle, fifo))
    slow.start()
    document, _ = through(["true"], target.address, what=str(fifo))
    slow.join()
    assert states(document) == {"done"}
    assert_there(target, expected(source))


def test_into_docker(small_bundle, source, docker):
    document, _ = through(["cat", small_bundle], f"docker-daemon:{docker.socket}")
    assert states(document) == {"done"}
    for name in IMAGES:
        shown = docker.api("GET", f"/images/{source.reference(name)}/json")
        assert shown["Id"] == source.manifest(name)["config"]["digest"]


def test_a_cut_bundle_shows_nothing_in_docker(small_bundle, tmp_path):
    with Docker() as docker:
        cut = tmp_path / "cut"
        cut.write_bytes(small_bundle.read_bytes()[:-100])
        with open(cut, "rb") as stdin:
            done = subprocess.run([ferry.program(), "load", "-", "--to",
                                   f"docker-daemon:{docker.socket}"], stdin=stdin,
                                  capture_output=True, text=True, env=ferry.environment(),
                                  timeout=60, check=False)
        assert done.returncode == 1 and "the pipe ended after" in done.stderr, done
        assert docker.api("GET", "/images/json") == []


def test_what_skopeo_wrote(source, target, tmp_path):
    """From a file, and by way of --spool."""
    name = IMAGES[0]
    archive = tmp_path / "skopeo.tar"
    run("skopeo", "copy", "--src-tls-verify=false", f"docker://{source.registry.address}/{name}",
        f"oci-archive:{archive}:{source.reference(name)}")
    done = ferry.run("load", archive, "--to", target.address, "--any-host", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["kind"]) == (0, "oci-archive"), done
    spooled, _ = through(["cat", archive], target.address, "--spool", tmp_path)
    assert (spooled["sent"], os.listdir(tmp_path)) == (0, ["skopeo.tar"])
    assert states(document) == {"done"} and states(spooled) == {"present"}


def test_what_docker_saved(small_bundle, source, docker, target, tmp_path):
    """`docker save` and back: the image ID is what it was."""
    through(["cat", small_bundle], f"docker-daemon:{docker.socket}")
    name = source.reference(IMAGES[1])
    saved = tmp_path / "saved.tar"
    docker.client("save", "-o", str(saved), name)
    done = ferry.run("load", saved, "--to", target.address, "--any-host", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["kind"]) == (0, "docker-archive"), done
    docker.api("DELETE", f"/images/{name}?force=1")
    spooled, _ = through(["cat", saved], f"docker-daemon:{docker.socket}", "--spool", tmp_path)
    assert states(spooled) == {"done"}
    shown = docker.api("GET", f"/images/{name}/json")
    assert shown["Id"] == source.manifest(IMAGES[1])["config"]["digest"]


def large_layout(folder):
    """An OCI layout with one large layer, which takes no room on the disk."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    digest = hashlib.sha256()
    for _ in range(LARGE >> 20):
        digest.update(bytes(1 << 20))
    layer = "sha256:" + digest.hexdigest()
    with open(blobs / digest.hexdigest(), "wb") as out:
        out.truncate(LARGE)

    def put(kind, value):
        data = json.dumps(value).encode()
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}.v1+json",
                "digest": f"sha256:{name}", "size": len(data)}
    config = put("config", {"architecture": "amd64", "os": "linux", "config": {},
                            "rootfs": {"type": "layers", "diff_ids": [layer]}})
    manifest = put("manifest", {
        "schemaVersion": 2, "config": config,
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": layer, "size": LARGE}]})
    name = {"org.opencontainers.image.ref.name": "docker.io/library/large:1"}
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps(
        {"schemaVersion": 2, "manifests": [{**manifest, "annotations": name}]}))
    return folder


@pytest.fixture(name="large", scope="module")
def large_fixture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    bundle = folder / "large.tar.zst"
    layout = large_layout(folder / "layout")
    done = ferry.run("pack", f"oci:{layout}", "-o", bundle)
    assert done.returncode == 0, done
    yield bundle
    bundle.unlink()


@pytest.mark.parametrize("kind", ["registry", "oci"])
def test_memory_does_not_grow(kind, large, tmp_path):
    """However large a layer is, little of it is there at a time."""
    with Registry() as registry:
        to = registry.address if kind == "registry" else f"oci:{tmp_path / 'layout'}"
        document, memory = through(["cat", large], to)
        assert states(document) == {"done"} and document["sent"] >= LARGE
        assert memory < MOST or is_sanitized()
