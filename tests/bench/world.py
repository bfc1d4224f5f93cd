"""What the rows share: a scratch folder, the corpus in a registry, a bundle of it, a Docker.

Everything is made when a row first asks for it, and removed at the end, however that comes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("bench", "images", "peers")]

# pylint: disable=wrong-import-position
import corpus
import measure
import stack
from measure import BenchError
from peers import Registry

BUILD = ROOT / "build" / "bench"
PLATFORM = "linux/amd64"
# What would change an answer if the caller's shell had it set.
SETTINGS = ("DOCKER_CONFIG", "DOCKER_HOST", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR")


class Blob(NamedTuple):
    """A blob of the release: what it weighs, and a repository that has it.

    media_type is a manifest's, to ask a registry for it; "" for configs and layers.
    """

    size: int
    repository: str
    media_type: str = ""


class World:
    """The things that the rows share; `with World() as world`.

    folder  scratch on the disk that is measured; nobody else may write there in a run
    memory  a tmpfs of our own: what registries store costs the disk neither time nor room
    small   take the tests' small stack instead of the corpus, to try the harness itself
    """

    def __init__(self, small=False):
        self._small = small
        self._stack = ExitStack()
        self.folder = self.memory = None

    def __enter__(self):
        if os.geteuid() != 0:
            raise BenchError("must run as root: it mounts a tmpfs and starts a dockerd")
        with ExitStack() as made:
            BUILD.mkdir(parents=True, exist_ok=True)
            self.folder = made.enter_context(scratch("work-"))
            self.memory = made.enter_context(mounted_memory())
            made.enter_context(settled())
            # What the harness itself writes is not to be counted as anybody's disk.
            made.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
            tempfile.tempdir = str(self.memory)
            self._stack = made.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    @cached_property
    def ferry(self):
        """The program that is measured."""
        path = Path(os.environ.get("FERRY") or ROOT / "build" / "default" / "ferry").resolve()
        if not path.exists():
            raise BenchError(f"{path}: not there; run `make` first")
        return path

    @cached_property
    def corpus(self):
        """The cache that holds the images; built now if it is not there."""
        build, cache = ((stack.build, stack.DEFAULT_CACHE) if self._small else
                        (corpus.build, corpus.DEFAULT_CACHE))
        build(cache)
        return cache

    @cached_property
    def told(self):
        """What is known of each image of the release: name -> as in the cache's stack.json."""
        return {name: image for name, image in stack.load(self.corpus)["images"].items()
                if not name.startswith("trap/") and not name.endswith("-arm64")}

    @property
    def images(self):
        """REPOSITORY:TAG of the images of the release."""
        return sorted(self.told)

    @cached_property
    def manifests(self):
        """Name -> manifest for the platform: digest, size, mediaType, config, layers."""
        return {name: self.told[name]["platforms"][PLATFORM] for name in self.images}

    @cached_property
    def blobs(self):
        """Digest -> Blob of everything that a bundle of the release carries, each once."""
        found = {}
        for name, manifest in self.manifests.items():
            repository = name.rpartition(":")[0]
            found.setdefault(manifest["digest"],
                             Blob(manifest["size"], repository, manifest["mediaType"]))
            for blob in (manifest["config"], *manifest["layers"]):
                found.setdefault(blob["digest"], Blob(blob["size"], repository))
        return found

    @cached_property
    def source(self):
        """A registry that holds the corpus."""
        registry = self.keep(self.fresh_registry())
        stack.push(self.corpus, registry.address, self.images)
        return registry

    @property
    def references(self):
        """What the images are called in the source."""
        return [f"{self.source.address}/{name}" for name in self.images]

    @cached_property
    def list_file(self):
        """The references as a list for `pack -f`."""
        path = self.folder / "release.txt"
        path.write_text("".join(f"{line}\n" for line in self.references), encoding="utf-8")
        return path

    @cached_property
    def bundle(self):
        """The release, packed once by ferry."""
        path = self.folder / "release.tar.zst"
        self.prepare(self.ferry, "pack", "-f", self.list_file, "-o", path, "--quiet")
        return path

    def bundles(self):
        """Title -> bundle, of those to read in."""
        return {"the release": self.bundle}

    @contextmanager
    def fresh_registry(self):
        """An empty registry whose storage goes with it."""
        with scratch("registry-", self.memory) as storage, Registry(storage) as registry:
            yield registry

    @cached_property
    def docker(self):
        """A daemon for the rows that need one, on the disk that is measured."""
        from daemon import Daemon  # pylint: disable=import-outside-toplevel
        return self.keep(Daemon(self.folder / "docker"))

    @contextmanager
    def scratch(self):
        """A folder on the disk that is measured, gone after the block."""
        with scratch("run-", self.folder) as path:
            yield path

    def keep(self, context):
        """Enter a context until the end; return what it gives."""
        return self._stack.enter_context(context)

    def run(self, *command, **options):
        """One measured run of a command, with its disk, and with what went over the loopback."""
        return self._watched(measure.run, command, options)

    def shell(self, script, *arguments, **options):
        """The same for a script with $1, $2..."""
        return self._watched(measure.shell, (script, *arguments), options)

    def _watched(self, how, command, options):
        before = loopback_bytes()
        sample = how(*command, watch=[self.folder], **options)
        return replace(sample, wire=loopback_bytes() - before)

    @staticmethod
    def prepare(*command, environment=None):
        """Run a command whose cost is nobody's; return what it prints.

        What it wrote is on the disk then, and not in another's time.
        """
        done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                              capture_output=True, env=environment, check=False)
        if done.returncode:
            raise BenchError(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                             f"{done.stderr[-3000:].decode(errors='replace')}")
        os.sync()
        return done.stdout.decode(errors="replace")


@contextmanager
def scratch(prefix, parent=BUILD):
    """A new folder, gone after the block."""
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def mounted_memory():
    """A tmpfs of our own, unmounted after the block."""
    with scratch("memory-") as path:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=75%", "ferry-bench", path],
                       check=True)
        try:
            yield path
        finally:
            subprocess.run(["umount", "-l", path], check=False)


@contextmanager
def settled():
    """Keep the caller's settings for registries and Docker from every contender."""
    kept = {name: os.environ.pop(name) for name in SETTINGS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def loopback_bytes():
    """What the loopback has carried so far, headers and all."""
    return int(Path("/sys/class/net/lo/statistics/rx_bytes").read_text(encoding="ascii"))
