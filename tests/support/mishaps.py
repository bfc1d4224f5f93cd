"""What the tests of bad registries, interruptions and bad disks share.

A Bench is a registry that misbehaves, a folder to pack into, and ferry.  The
assertions say what holds after every failure: one message, nothing left.
"""

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from faulty import FaultyRegistry
from ferry import environment, program, run

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy",
           "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Bench:
    """One registry, one folder; `ferry` runs see nothing else of the machine."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.out = folder / "out"
        self.out.mkdir()
        self.bundle = self.out / "b.tar.zst"
        self.images = {}
        self.children = []
        self.patience = 4 if is_sanitized() else 1     # seconds until a signal is obeyed

    def add(self, name="app:1", **image):
        """Makes an image in the registry and remembers it; see add_image()."""
        self.images[name] = self.server.add_image(name, **image)
        return self.images[name]

    def words(self, words):
        """Words of a message, with what only a running test knows filled in."""
        known = {"host": self.server.host}
        for image in list(self.images.values())[:1]:
            known.update(manifest=image.manifest, config=image.config,
                         layer=image.layers[0].digest)
        return [word.format(**known) for word in words]

    def name(self, image):
        """"app:1" as this registry's image."""
        return f"{self.server.host}/{image}"

    def env(self, env=None):
        """No credentials and no proxies but those of the test."""
        return {**dict.fromkeys(PROXIES), "HOME": self.folder, **(env or {})}

    def pack_args(self, *images, retries=2):
        return ["pack", "-o", self.bundle, "--retries", retries, *map(self.name, images)]

    def load_args(self, bundle=None, server=None, retries=2):
        to = (server or self.server).host
        return ["load", bundle or self.bundle, "--to", to, "--any-host", "--retries", retries]

    def run(self, *args, env=None, **more):
        """Runs `ferry ARGS`; the result knows how long it took."""
        began = time.monotonic()
        done = run(*args, env=self.env(env), **more)
        done.seconds = time.monotonic() - began
        return done

    def start(self, *args, env=None, stdin=subprocess.DEVNULL, **more):
        """Begins `ferry ARGS`, for those who cannot wait.

        Signals that a shell's & has made us ignore count for it all the same.
        """
        command = ["env", "--default-signal=INT,HUP", program(), *map(str, args)]
        child = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True,
                                 env=environment(self.env(env)), **more)
        self.children.append(child)
        return child

    def end(self):
        """After a test that failed, runs it began may still be there."""
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        self.children.clear()

    def pack(self, *images, options=(), retries=2, **more):
        """Packs images of this registry into self.bundle."""
        return self.run(*self.pack_args(*images, retries=retries), *options, **more)

    def load(self, bundle=None, server=None, options=(), retries=2, **more):
        """Loads a bundle into a registry, as a rule this one."""
        return self.run(*self.load_args(bundle, server, retries), *options, **more)

    def authfile(self, user, password, *hosts):
        """A Docker config with the same credentials for some hosts."""
        secret = base64.b64encode(f"{user}:{password}".encode()).decode()
        path = self.folder / "auth.json"
        hosts = hosts or (self.server.host,)
        path.write_text(json.dumps({"auths": {host: {"auth": secret} for host in hosts}}))
        return path

    def left(self):
        """What stands in the folder that bundles go into."""
        return sorted(os.listdir(self.out))

    @property
    def pair(self):
        """What an unfinished run leaves, as left() would say it."""
        return [self.bundle.name + ".journal", self.bundle.name + ".partial"]


@pytest.fixture(name="bench")
def bench_fixture(tmp_path):
    with FaultyRegistry(seed="mishaps") as server:
        bench = Bench(server, tmp_path)
        yield bench
        bench.end()


# how it ended

def is_sanitized():
    """Whether the program under test carries a sanitizer (memory means nothing then)."""
    done = subprocess.run(["nm", "-D", program()], capture_output=True, text=True, check=False)
    return re.search(r"\b__(asan|tsan|msan|ubsan)_", done.stdout) is not None


def told(done):
    """Everything it said, for the message of an assertion."""
    return f"exit {done.returncode}\n--- stdout\n{done.stdout}--- stderr\n{done.stderr}"


def assert_done(done):
    """It worked, and nothing says otherwise."""
    assert done.returncode == 0, told(done)
    assert "ferry: " not in done.stderr, told(done)


def assert_told(done, status, *words):
    """The exit status, and one message, which holds all the words."""
    lines = done.stderr.splitlines()
    messages = [line for line in lines if line.startswith("ferry: ")]
    assert done.returncode == status, told(done)
    assert len(messages) == 1 and messages[0] == lines[-1], told(done)
    for word in words:
        assert word in messages[0], f"no {word!r} in\n{told(done)}"
    assert not messages[0].endswith("."), told(done)


def assert_left(bench, done, others=()):
    """Beside these others there is nothing, or what the last line says: what was pulled."""
    last = done.stderr.splitlines()[-1]
    stays = bench.pair if "; what was pulled stays in " in last else []
    assert bench.left() == sorted([*stays, *others]), told(done)
    for name in stays:
        assert f" {bench.out / name}" in last, told(done)
    assert not stays or last.endswith("the same command goes on there, --fresh starts anew")


def assert_failed(bench, done, *words, status=1):
    """It failed with one message, and only what that names is left on the disk."""
    assert_told(done, status, *words)
    assert_left(bench, done)


def assert_refused(bench, done, refusals, total=None, status=1):
    """The plan names each refused image once, with its words; no layer was pulled.

    refusals: {"app:1": ["word", ...]}, of `total` images asked for.
    """
    lines = done.stderr.splitlines()
    for image, words in refusals.items():
        about = [line for line in lines if line.startswith(bench.name(image) + ": ")]
        assert len(about) == 1, told(done)
        for word in words:
            assert word in about[0], f"no {word!r} in\n{told(done)}"
    assert_failed(bench, done, f"{len(refusals)} of {total or len(refusals)} image",
                  "cannot be packed; nothing was pulled", status=status)
    assert_no_layer_pulled(bench.server)


def assert_no_layer_pulled(server):
    """Of blobs, nothing but configs (which are JSON) was asked for."""
    content = server.store.content
    pulled = [record.digest for record in server.matching("GET blob")
              if content.get(record.digest, b"{")[:1] != b"{"]
    assert pulled == []


# what was packed, read by somebody else's tools

def unpack(bundle):
    """{member: bytes} of a bundle."""
    plain = subprocess.run(["zstd", "-dcq", str(bundle)], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


def assert_packed(bench, images, bundle=None):
    """The bundle holds exactly these images ({"app:1": Image}) and what they need."""
    members = unpack(bundle or bench.bundle)
    index = json.loads(members["index.json"])["manifests"]
    named = {entry["annotations"]["io.containerd.image.name"]: entry["digest"] for entry in index}
    assert named == {bench.name(name): image.manifest for name, image in images.items()}
    blobs = {name.rpartition("/")[2]: data for name, data in members.items() if "blobs/" in name}
    for name, data in blobs.items():
        assert hashlib.sha256(data).hexdigest() == name
    assert {"sha256:" + name for name in blobs} == set().union(*map(digests, images.values()))


def digests(image):
    """Of all that is carried of an image: manifest, config, layers."""
    return {image.manifest, image.config, *(layer.digest for layer in image.layers)}


def file_digest(path):
    """To compare files by."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
