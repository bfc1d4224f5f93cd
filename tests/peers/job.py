"""The main job, done once for all tests that look at what came of it, and what they look with."""

import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "images"), str(HERE.parent / "support")]

# pylint: disable=wrong-import-position
import ferry
import stack
from peers import Registry, skopeo_inspect

AMD64, ARM64 = "linux/amd64", "linux/arm64/v8"
INDEX_TYPES = ("application/vnd.oci.image.index.v1+json",
               "application/vnd.docker.distribution.manifest.list.v2+json")
REQUEST = re.compile(r'"([A-Z]+) (\S+) HTTP/1\.\d" (\d+) ')


@dataclass(frozen=True)
class Request:
    """A request as a registry's log tells of it."""

    method: str
    path: str
    status: int

    @property
    def writes(self):
        """True if it is to change the registry."""
        return self.method not in ("GET", "HEAD")

    @property
    def uploaded(self):
        """The digest of the blob that this put into the registry, byte by byte."""
        found = re.search(r"[?&]digest=sha256(?:%3A|:)(\w+)", self.path)
        good = self.method == "PUT" and self.status == 201 and "/blobs/uploads/" in self.path
        return f"sha256:{found.group(1)}" if good and found else None

    @property
    def mounted(self):
        """The digest of the blob that this took over from another repository."""
        found = re.search(r"[?&]mount=sha256(?:%3A|:)(\w+)", self.path)
        good = self.method == "POST" and self.status == 201
        return f"sha256:{found.group(1)}" if good and found else None

    @property
    def manifest(self):
        """Repository and tag or digest of a manifest."""
        found = re.fullmatch(r"/v2/(.+)/manifests/([^/?]+)", self.path)
        return found and found.groups()


class Watch:
    """The requests that a registry answers from now on."""

    def __init__(self, registry):
        self._registry = registry
        self._before = len(registry.access_log())

    @classmethod
    def whole(cls, registry):
        """All requests since the registry's beginning."""
        return requests_in(registry.access_log())

    def requests(self):
        """All of them, in the order of their ends."""
        return requests_in(self._registry.access_log()[self._before:])


def requests_in(lines):
    """What the lines of a log tell; the last may not be whole yet."""
    found = filter(None, map(REQUEST.search, lines))
    return [Request(method, path, int(status))
            for method, path, status in (match.groups() for match in found)]


@dataclass(frozen=True)
class Source:
    """A registry that holds all images, and what they are."""

    registry: Registry
    cache: Path
    images: dict

    @property
    def names(self):
        """The 13 images of the stack."""
        return sorted(name for name in self.images
                      if not name.startswith("trap/") and not name.endswith("-arm64"))

    @property
    def arm64_names(self):
        """The same for arm64: one has a name of its own."""
        return sorted(name if self.has(name, ARM64) else f"{name}-arm64" for name in self.names)

    def has(self, name, platform):
        """True if the image is there for the platform."""
        return platform in self.images[name]["platforms"]

    def reference(self, name):
        """What to call an image so that it comes from this registry."""
        return f"{self.registry.address}/{name}"

    def references(self, names=None):
        """The same for several, or for the whole stack."""
        return [self.reference(name) for name in names or self.names]

    def manifest(self, name, platform=AMD64):
        """What is known of an image's manifest for a platform: digest, config, layers."""
        return self.images[name]["platforms"][platform]

    def digest(self, name, platform=AMD64):
        """The digest that an image must keep wherever it is carried."""
        return self.manifest(name, platform)["digest"]

    def digests(self, names=None, platform=AMD64):
        """Reference -> digest, for the whole stack or some images."""
        return {self.reference(name): self.digest(name, platform)
                for name in names or self.names}

    def blobs(self, names=None, platform=AMD64):
        """Digest -> size of everything that a bundle of the images carries."""
        return {blob["digest"]: blob["size"] for name in names or self.names
                for manifest in [self.manifest(name, platform)]
                for blob in (manifest, manifest["config"], *manifest["layers"])}

    def layers(self, names=None, platform=AMD64):
        """Digest -> size of the layers only."""
        return {blob["digest"]: blob["size"] for name in names or self.names
                for blob in self.manifest(name, platform)["layers"]}

    def layers_of(self, name, platform=AMD64):
        """The layers of one image, the lowest first."""
        return self.manifest(name, platform)["layers"]

    def write_list(self, path, names=None):
        """A list for `pack -f`."""
        path.write_text("".join(f"{line}\n" for line in self.references(names)), encoding="utf-8")
        return path

    def pack(self, path, *names, options=()):
        """Pack some images; it must work."""
        done = ferry.run("pack", *self.references(names), "-o", path, *options)
        assert done.returncode == 0, done.stderr
        return path


def digest_of(data):
    """The sha256 digest of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def rows(text):
    """The cells of a table's lines, by the first one's; columns are two blanks apart at least."""
    lines = [re.split(r"  +", line.strip()) for line in text.splitlines()]
    return {cells[0]: cells for cells in lines if len(cells) > 2}


def run_under(prefix, *arguments, env=None, binary=None):
    """Run ferry under another program that changes what it finds itself in."""
    return subprocess.run([*map(str, prefix), str(binary or ferry.program()),
                           *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env=ferry.environment(env),
                          timeout=120, check=False)


def assert_there(registry, expected, tls_verify=False):
    """Under each name skopeo finds the manifest of the expected digest itself, not a list."""
    found = {name: digest_of(skopeo_inspect(registry, name, raw=True, tls_verify=tls_verify))
             for name in expected}
    assert found == expected


def tags_of(registry):
    """REPOSITORY:TAG of everything that a registry shows."""
    folder = registry.storage_dir / "docker" / "registry" / "v2" / "repositories"
    return sorted(f"{link.parents[4].relative_to(folder)}:{link.parents[1].name}"
                  for link in folder.glob("**/_manifests/tags/*/current/link"))


@pytest.fixture(scope="session")
def source(whole_stack):
    """A registry with the stack for both platforms, its attestations, and the traps."""
    with Registry() as registry:
        stack.push(whole_stack, registry.address)
        yield Source(registry, whole_stack, stack.load(whole_stack)["images"])


@pytest.fixture(scope="session")
def packed(source, tmp_path_factory):
    """The stack, packed once: where it is, what was said, what was asked of the registry."""
    folder = tmp_path_factory.mktemp("packed")
    path = folder / "release.tar.zst"
    listing = source.write_list(tmp_path_factory.mktemp("list") / "release.txt")
    watch = Watch(source.registry)
    done = ferry.run("pack", "-f", listing, "-o", path)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(path=path, done=done, requests=watch.requests(), listing=listing)


@pytest.fixture(scope="session")
def bundle(packed):
    """The bundle of the stack."""
    return packed.path


@pytest.fixture(scope="session")
def small_bundle(source, tmp_path_factory):
    """A bundle of two images that are there in no time."""
    return source.pack(tmp_path_factory.mktemp("small") / "small.tar.zst",
                       "trap/small:1", "trap/small:2")


@pytest.fixture
def target():
    """An empty registry."""
    with Registry() as registry:
        yield registry
