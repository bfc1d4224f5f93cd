"""The stack, out of one bundle into all that can take it: after a kill, and once more.

With `pytest -s` the table of what it took is shown.
"""

import json
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from types import SimpleNamespace

import ferry
import pytest
from job import digest_of, tags_of
from peers import Containerd, Docker, Podman, Registry, newer_dockerd, skopeo_inspect
from podman import UserPodman
from serving import Server
from test_docker import image_of
from test_serve import pull_by_ctr, pull_by_docker, pull_by_podman, pull_by_skopeo

pytestmark = pytest.mark.stack

SHOWN = "redis:7-alpine"
COMMAND = ["redis-server", "--version"]
SAYS = "Redis server v=7"


def there_by_skopeo(registry, source):
    """Name -> digest of what the registry has under each name."""
    return {name: digest_of(skopeo_inspect(registry, name, raw=True))
            for name in source.names if name in tags_of(registry)}


def manifests(source):
    """Name in the bundle -> the digest that the image has to keep."""
    return {source.reference(name): source.digest(name) for name in source.names}


@contextmanager
def registry_way(source, _folder):
    """docker-registry on a loopback port."""
    with Registry() as registry:
        yield SimpleNamespace(
            to=registry.address, env={}, soon=0.3, run=None,
            there=lambda: there_by_skopeo(registry, source),
            expected={name: source.digest(name) for name in source.names})


def ids_in(docker, source):
    """Name in the bundle -> what Docker calls the image."""
    found = {name: image_of(docker, name) for name in source.references()}
    return {name: image["Id"] for name, image in found.items() if image}


@contextmanager
def docker_way(source, _folder):
    """Docker 20.10, whose classic store knows images by their configs."""
    with Docker() as docker:
        yield SimpleNamespace(
            to=f"docker-daemon:{docker.socket}", env={}, soon=1.5, there=lambda: ids_in(docker, source),
            run=lambda: docker.run(source.reference(SHOWN), *COMMAND),
            expected={source.reference(name): source.manifest(name)["config"]["digest"]
                      for name in source.names})


@contextmanager
def store_way(source, _folder):
    """A Docker that keeps its images in containerd, and their digests."""
    with Docker(program=newer_dockerd(), containerd_store=True) as docker:
        yield SimpleNamespace(
            to=f"docker-daemon:{docker.socket}", env={}, soon=1.5, there=lambda: ids_in(docker, source),
            run=lambda: docker.run(source.reference(SHOWN), *COMMAND), expected=manifests(source))


@contextmanager
def containerd_way(source, _folder):
    """containerd 1.6, through ctr."""
    with Containerd() as containerd:
        yield SimpleNamespace(
            to="containerd:stack", env=containerd.settings, soon=1.5, expected=manifests(source),
            there=lambda: containerd.images("stack"),
            run=lambda: containerd.ctr("stack", "run", "--rm", source.reference(SHOWN), "shown",
                                       *COMMAND))


def digests_in(podman, source):
    """Name in the bundle -> the registry's digest, by which it can be pinned."""
    there = podman.names()
    return {name: podman.shown(f"{name.rpartition(':')[0]}@{digest}")["Digest"]
            for name, digest in manifests(source).items() if name in there}


@contextmanager
def podman_way(source, _folder, kind=Podman):
    """Podman's service, as root."""
    with kind() as podman:
        service = podman.serve()
        try:
            yield SimpleNamespace(
                to=f"podman:{podman.socket}", env={}, soon=1.5, expected=manifests(source),
                there=lambda: digests_in(podman, source),
                run=lambda: podman.run(source.reference(SHOWN), *COMMAND))
        finally:
            service.stop()


def user_podman_way(source, folder):
    """Podman's service, as an ordinary user."""
    return podman_way(source, folder, UserPodman)


def named_in(layout):
    """Reference -> digest of the manifest that the layout has under it."""
    if not (layout / "index.json").exists():
        return {}
    index = json.loads((layout / "index.json").read_text())
    names = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
             for entry in index["manifests"]}
    for digest in names.values():
        assert digest_of((layout / "blobs" / digest.replace(":", "/")).read_bytes()) == digest
    return names


@contextmanager
def layout_way(source, folder):
    """An OCI layout in a folder; skopeo 1.9 finds no Docker manifests by name there."""
    layout = folder / "layout"
    yield SimpleNamespace(
        to=f"oci:{layout}", env={}, soon=0.05, run=None, there=lambda: named_in(layout),
        expected=manifests(source))


WAYS = {"registry": registry_way, "docker": docker_way, "docker, containerd's": store_way,
        "containerd": containerd_way, "podman": podman_way, "podman, a user's": user_podman_way,
        "oci": layout_way}


def command(bundle, way):
    return [ferry.program(), "load", str(bundle), "--to", way.to, "--json"]


def measured(bundle, way):
    """Loads; what the document says, and what it took: seconds, and MiB at most."""
    began = time.monotonic()
    with tempfile.NamedTemporaryFile("r") as memory:
        done = subprocess.run([*ferry.measuring(memory.name), *command(bundle, way)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=ferry.environment(way.env), check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), SimpleNamespace(seconds=time.monotonic() - began,
                                                        mebibytes=int(memory.read()) / 1024)


def kill(bundle, way):
    """Ends a load by SIGKILL in the midst of it; true unless it was done by then."""
    with subprocess.Popen(command(bundle, way), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=ferry.environment(way.env)) as process:
        time.sleep(way.soon)
        process.send_signal(signal.SIGKILL)
        return process.wait(30) == -signal.SIGKILL


def states(document):
    return {image["state"] for image in document["images"]}


@pytest.mark.parametrize("kind", WAYS)
def test_killed_and_finished_and_loaded_again(kind, source, bundle, tmp_path):
    """A death leaves nothing that is not whole; then all is there; then nothing is sent."""
    with WAYS[kind](source, tmp_path) as way:
        killed = kill(bundle, way)
        there = way.there()
        assert there.items() <= way.expected.items()
        loaded, usage = measured(bundle, way)
        assert states(loaded) <= {"done", "present"} and len(loaded["images"]) == 13
        assert way.there() == way.expected
        again, usage_again = measured(bundle, way)
        assert states(again) == {"present"} and again["sent"] == 0
        shown = way.run().strip() if way.run else "keeps images only"
        assert not way.run or SAYS in shown
    print(f"\n{kind:20} {'killed' if killed else 'done'} after {way.soon:.2f} s, {len(there)} "
          f"images there; then {usage.seconds:.2f} s, {usage.mebibytes:.0f} MiB at most, "
          f"{loaded['sent']} of {loaded['plan']['blob_bytes']} bytes; again "
          f"{usage_again.seconds:.2f} s, 0 bytes; {shown}")


def test_served_to_everybody(source, bundle, tmp_path):
    """The whole stack, pulled by four clients, each in its turn."""
    with Server(bundle) as server, Docker() as docker, Podman() as podman:
        clients = {
            "docker pull": lambda name: pull_by_docker(docker, name),
            "ctr images pull": lambda name: pull_by_ctr(docker, name),
            "podman pull": lambda name: pull_by_podman(podman, name),
            "skopeo copy": lambda name: pull_by_skopeo(tmp_path, name),
        }
        for client, pull in clients.items():
            began = time.monotonic()
            found = {name: pull(f"{server.address}/{name}") for name in source.names}
            assert found == {name: source.digest(name) for name in source.names}
            print(f"\n{client:20} 13 images out of ferry serve, digests equal: "
                  f"{time.monotonic() - began:.2f} s")
        print(f"\nferry serve          {server.peak() >> 20} MiB at most")
