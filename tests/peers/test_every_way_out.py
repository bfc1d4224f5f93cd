"""The stack, out of one bundle into all that can take it: twice, and once more after a kill.

With `pytest -s` the table of what it took is shown.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from types import SimpleNamespace

import ferry
import pytest
from job import digest_of
from peers import Docker, Registry, skopeo_inspect

pytestmark = pytest.mark.stack

SHOWN = "redis:7-alpine"
COMMAND = ["redis-server", "--version"]
SAYS = "Redis server v=7"


def there_by_skopeo(registry, source):
    """Name -> digest of what the registry has under each name."""
    return {name: digest_of(skopeo_inspect(registry, name, raw=True)) for name in source.names}


@contextmanager
def registry_way(source, _folder):
    """docker-registry on a loopback port."""
    with Registry() as registry:
        yield SimpleNamespace(
            to=registry.address, env={}, run=None,
            there=lambda: there_by_skopeo(registry, source),
            expected={name: source.digest(name) for name in source.names})


@contextmanager
def docker_way(source, _folder):
    """Docker 20.10, whose store knows images by their configs."""
    with Docker() as docker:
        def there():
            return {name: docker.api("GET", f"/images/{source.reference(name)}/json")["Id"]
                    for name in source.names}
        yield SimpleNamespace(
            to=f"docker-daemon:{docker.socket}", env={}, there=there,
            run=lambda: docker.run(source.reference(SHOWN), *COMMAND),
            expected={name: source.manifest(name)["config"]["digest"] for name in source.names})


def named_in(layout):
    """Reference -> digest of the manifest that the layout has under it."""
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
        to=f"oci:{layout}", env={}, run=None, there=lambda: named_in(layout),
        expected={source.reference(name): source.digest(name) for name in source.names})


WAYS = {"registry": registry_way, "docker": docker_way, "oci": layout_way}


def command(bundle, way):
    return [ferry.program(), "load", str(bundle), "--to", way.to, "--json"]


def measured(bundle, way):
    """Loads; what the document says, and what it took: seconds, and MiB at most."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            command(bundle, way), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            env=ferry.environment(way.env))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        assert process.returncode == 0, err.read().decode()
        return json.load(out), SimpleNamespace(seconds=time.monotonic() - began,
                                               mebibytes=usage.ru_maxrss / 1024)


def kill_half_way(bundle, way, seconds):
    """Ends it by SIGKILL in the midst of it; true unless it was done by then."""
    with subprocess.Popen(command(bundle, way), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=ferry.environment(way.env)) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        return process.wait(30) == -signal.SIGKILL


def states(document):
    return {image["state"] for image in document["images"]}


@pytest.mark.parametrize("kind", WAYS)
def test_twice_and_after_a_kill(kind, source, bundle, tmp_path):
    """The first time all of it, the second time nothing, and the rest after a death."""
    with WAYS[kind](source, tmp_path) as way:
        first, usage = measured(bundle, way)
        assert states(first) == {"done"} and len(first["images"]) == 13
        assert way.there() == way.expected
        again, usage_again = measured(bundle, way)
        assert states(again) == {"present"} and again["sent"] == 0
        shown = way.run and way.run()
        assert not way.run or SAYS in shown
    (tmp_path / "killed").mkdir()
    with WAYS[kind](source, tmp_path / "killed") as way:
        killed = kill_half_way(bundle, way, usage.seconds * 0.4)
        finished, _ = measured(bundle, way)
        assert states(finished) <= {"done", "present"}
        assert way.there() == way.expected
    report(kind, first, usage, usage_again, finished, killed, shown)


def report(kind, first, usage, usage_again, finished, killed, shown):
    """A row of the table."""
    unique = first["plan"]["blob_bytes"]
    print(f"\n{kind:10} {usage.seconds:6.2f} s, {usage.mebibytes:.0f} MiB at most, "
          f"{first['sent']} of {unique} bytes; again {usage_again.seconds:.2f} s, 0 bytes; "
          f"{'killed' if killed else 'done too soon'} and finished, {finished['sent']} bytes more; "
          f"{shown.strip() if shown else 'runs nothing'}")
