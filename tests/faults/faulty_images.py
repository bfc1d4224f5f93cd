"""Container images made from nothing but a seed.

Real bytes, real digests: a client that checks everything must be content with
them, so that whatever it complains about later is the fault under test.
"""

import gzip
import hashlib
import io
import json
import random
import tarfile
from dataclasses import dataclass, field

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"

MEDIA_TYPES = {
    "oci": {
        "index": OCI_INDEX,
        "manifest": OCI_MANIFEST,
        "config": OCI_CONFIG,
        "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
        "tar": "application/vnd.oci.image.layer.v1.tar",
    },
    "docker": {
        "index": DOCKER_INDEX,
        "manifest": DOCKER_MANIFEST,
        "config": DOCKER_CONFIG,
        "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "tar": "application/vnd.docker.image.rootfs.diff.tar",
    },
}


def digest_of(data):
    """The OCI name of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def to_json(value):
    """One spelling per value, so that digests depend on the seed alone."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


@dataclass(frozen=True)
class Layer:
    """A layer blob; may be handed to add_image() again to share it."""

    digest: str
    size: int
    diff_id: str
    kind: str
    data: bytes = field(repr=False, compare=False)


@dataclass(frozen=True)
class PlatformImage:
    """What one platform of an image consists of."""

    platform: str
    manifest: str
    config: str
    layers: list

    def blobs(self):
        """The digests a pull of this platform needs beside the manifest."""
        return [self.config] + [layer.digest for layer in self.layers]


@dataclass(frozen=True)
class Image:
    """The digests of one image, and (for the store) its documents."""

    name: str
    index: str | None
    platforms: dict
    documents: dict = field(repr=False)     # digest -> (media type, bytes)
    contents: dict = field(repr=False)      # digest -> bytes of a blob

    @property
    def root(self):
        """The digest the tag points to."""
        return self.index or self._main.manifest

    @property
    def manifest(self):
        return self._main.manifest

    @property
    def config(self):
        return self._main.config

    @property
    def layers(self):
        return self._main.layers

    @property
    def _main(self):
        first = next(iter(self.platforms.values()))
        return self.platforms.get("linux/amd64", first)


def make_layer(seed, size, kind="gzip"):
    """A tar with one file of `size` bytes no compressor can shrink."""
    noise = random.Random(seed).randbytes(size)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo("data/" + hashlib.md5(seed.encode()).hexdigest())
        member.size = size
        tar.addfile(member, io.BytesIO(noise))
    plain = out.getvalue()
    data = gzip.compress(plain, 1, mtime=0) if kind == "gzip" else plain
    return Layer(digest_of(data), len(data), digest_of(plain), kind, data)


def platform_fields(platform):
    """"linux/arm64/v8" as the object descriptors and configs carry."""
    return dict(zip(("os", "architecture", "variant"), platform.split("/")))


class ImageMaker:
    """Collects the documents of one image, bottom up."""

    def __init__(self, seed, name, flavour, layer_kind, size_lies):
        self.seed = seed
        self.name = name
        self.types = MEDIA_TYPES[flavour]
        self.layer_kind = layer_kind
        self.size_lies = size_lies
        self.documents = {}
        self.contents = {}

    def layer(self, spec, platform, position):
        """`spec` is a size, or a Layer of another image to be shared."""
        if isinstance(spec, Layer):
            made = spec
        else:
            key = f"{self.seed}/{self.name}/{platform}/{position}"
            made = make_layer(key, spec, self.layer_kind)
        self.contents[made.digest] = made.data
        return made

    def config(self, platform, layers):
        """The config; `platform` is what it claims, not what the index says."""
        data = to_json({
            **platform_fields(platform),
            "config": {"Cmd": ["/bin/true"], "Labels": {"seed": str(self.seed)}},
            "rootfs": {"type": "layers",
                       "diff_ids": [layer.diff_id for layer in layers]},
        })
        self.contents[digest_of(data)] = data
        return data

    def descriptor(self, kind, data, media_type, **more):
        """A descriptor, with the lie about its size that was asked for."""
        size = len(data) + self.size_lies.get(kind, 0)
        return {"mediaType": media_type, "digest": digest_of(data),
                "size": size, **more}

    def document(self, kind, fields):
        """Registers a manifest or index, returns its bytes."""
        media_type = self.types[kind]
        data = to_json({"schemaVersion": 2, "mediaType": media_type, **fields})
        self.documents[digest_of(data)] = (media_type, data)
        return data

    def manifest(self, platform, claimed, specs):
        """One platform: layers, config, manifest."""
        layers = [self.layer(spec, platform, i) for i, spec in enumerate(specs)]
        config = self.config(claimed, layers)
        data = self.document("manifest", {
            "config": self.descriptor("config", config, self.types["config"]),
            "layers": [self.descriptor("layer", layer.data, self.types[layer.kind])
                       for layer in layers],
        })
        return data, PlatformImage(platform, digest_of(data), digest_of(config), layers)

    def attestation(self, subject):
        """What buildkit puts beside an image; never to be taken for one."""
        statement = to_json({"predicateType": "https://slsa.dev/provenance/v0.2",
                             "subject": [{"digest": digest_of(subject)}]})
        self.contents[digest_of(statement)] = statement
        config = self.config("unknown/unknown", [])
        data = self.document("manifest", {
            "config": self.descriptor("-", config, self.types["config"]),
            "layers": [self.descriptor("-", statement, "application/vnd.in-toto+json")],
        })
        return self.descriptor(
            "-", data, self.types["manifest"], platform=platform_fields("unknown/unknown"),
            annotations={"vnd.docker.reference.type": "attestation-manifest",
                         "vnd.docker.reference.digest": digest_of(subject)})


def make_image(seed, name, platforms, layers, flavour="oci", layer_kind="gzip",
               index=None, config_platform=None, size_lies=None, attestations=False):
    """See FaultyRegistry.add_image."""
    if index is None:
        index = len(platforms) > 1 or attestations
    if not index and len(platforms) != 1:
        raise ValueError("several platforms need an index")
    maker = ImageMaker(seed, name, flavour, layer_kind, size_lies or {})
    made, children, proofs = {}, [], []
    for platform in platforms:
        claimed = (config_platform or {}).get(platform, platform)
        data, made[platform] = maker.manifest(platform, claimed, layers)
        children.append(maker.descriptor("manifest", data, maker.types["manifest"],
                                         platform=platform_fields(platform)))
        if attestations:
            proofs.append(maker.attestation(data))
    root = digest_of(maker.document("index", {"manifests": children + proofs})) if index else None
    return Image(name, root, made, maker.documents, maker.contents)
