"""Releases that exist only as a seed: images, layers and their bytes, as many as are asked for.

Every layer is a gzip stream of a tar with one file in it, in stored blocks: real
enough to be looked into, and made as fast as memory can be copied.
"""

import hashlib
import json
import random
import tarfile
import threading
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
STORED_MAX = 65535  # bytes in a stored block (RFC 1951, 3.2.4)
FAMILY = 16         # images that share their lower layers
NOISE = 1 << 20
TAR_BLOCK = 512

# What takes long to find out, and never changes.
KNOWN = Path(__file__).parents[2] / "build" / "bench" / "streams.json"


@dataclass(frozen=True)
class Release:
    """What a release is made of.

    images     each in a repository of its own
    layers     of each image
    shared     the part of these, the lower ones, that a family of 16 images has in common
    blob_size  bytes of the file in each layer, about what the layer has
    huge       instead of all that one image with one layer of about so many bytes
    """

    images: int = 1
    layers: int = 1
    shared: float = 0.0
    blob_size: int = 1024
    huge: int = 0
    seed: int = 0

    def name(self, number):
        """Repository and tag of an image."""
        return f"team-{number // 100:03}/service-{number:06}", f"1.{self.seed}"

    def names(self):
        """All images, as REPOSITORY:TAG."""
        return [":".join(self.name(number)) for number in range(self.images)]

    def layer_numbers(self, image):
        """Of the layers of an image, lowest first; images of a family share some."""
        common = round(self.layers * self.shared)
        family = -1 - image // FAMILY * common
        own = image * (self.layers - common)
        return ([family - i for i in range(common)] +
                [own + i for i in range(self.layers - common)])


class Noise:
    """Bytes that do not compress, the same for the same seed."""

    def __init__(self, seed):
        self._bytes = random.Random(seed).randbytes(NOISE)

    def take(self, number, size):
        """SIZE bytes unlike those of any other number."""
        start = number * 4099 % (NOISE // 2)
        mark = number.to_bytes(8, "big", signed=True)
        body = self._bytes[start:] + self._bytes * (size // NOISE + 1)
        return (mark + body[:size])[:size]


class Blob:
    """A small blob: its bytes."""

    def __init__(self, content, kind):
        self.content = content
        self.kind = kind
        self.size = len(content)
        self.digest = digest_of(content)

    def pieces(self, first, end):
        """The bytes from FIRST up to END."""
        yield memoryview(self.content)[first:end]


class HugeBlob:
    """A layer too large to keep: any part of it can be made again.

        gzip head | stored block: tar header | units | last stored block | gzip trailer

    Each unit is 16 full stored blocks of noise, which begin with the unit's number.
    """

    BLOCKS = 16

    def __init__(self, size, seed):
        noise = Noise(seed).take(0, self.BLOCKS * STORED_MAX)
        blocks = [noise[i:i + STORED_MAX] for i in range(0, len(noise), STORED_MAX)]
        self._unit = b"".join(stored(block) for block in blocks)
        self._count = max(1, size // len(self._unit))
        self.kind = LAYER_TYPE
        header = tar_header(self._count * len(noise))
        padding = bytes(-(self._count * len(noise)) % TAR_BLOCK + 2 * TAR_BLOCK)
        self._tar = header, noise, padding
        self._head = GZIP_HEAD + stored(header)
        self.size = (len(self._head) + self._count * len(self._unit) +
                     len(stored(padding)) + 8)
        known = recall(f"{size} {seed}", self._find_out)
        self._tail = stored(padding, last=True) + bytes.fromhex(known["trailer"])
        self.digest = known["digest"]
        self.diff_id = known["diff_id"]

    def pieces(self, first, end):
        """The bytes from FIRST up to END; a piece is good until the next is taken."""
        unit = bytearray(self._unit)
        at = 0
        for number in range(-1, self._count + 1):
            piece = self._piece(number, unit)
            if at + len(piece) <= first:
                at += len(piece)
                continue
            if at >= end:
                return
            yield memoryview(piece)[max(0, first - at):end - at]
            at += len(piece)

    def _piece(self, number, unit):
        if number < 0:
            return self._head
        if number == self._count:
            return self._tail
        unit[5:13] = number.to_bytes(8, "big")
        return unit

    def _tar_pieces(self):
        header, noise, padding = self._tar
        noise = bytearray(noise)
        yield header
        for number in range(self._count):
            noise[:8] = number.to_bytes(8, "big")
            yield noise
        yield padding

    def _find_out(self):
        """Digest, diff_id and trailer, at the cost of making all of it once."""
        tar = hashlib.sha256()
        found = {}

        def hash_tar():
            for piece in self._tar_pieces():
                tar.update(piece)

        def sum_tar():
            crc = size = 0
            for piece in self._tar_pieces():
                crc = zlib.crc32(piece, crc)
                size += len(piece)
            found["trailer"] = (crc.to_bytes(4, "little") +
                                (size & 0xffffffff).to_bytes(4, "little")).hex()

        def hash_gzip():
            gzip = hashlib.sha256()
            self._tail = b""
            for piece in self.pieces(0, self.size):
                gzip.update(piece)
            found["gzip"] = gzip

        threads = [threading.Thread(target=work) for work in (hash_tar, sum_tar, hash_gzip)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gzip = found.pop("gzip")
        gzip.update(stored(self._tar[2], last=True) + bytes.fromhex(found["trailer"]))
        return found | {"digest": f"sha256:{gzip.hexdigest()}",
                        "diff_id": f"sha256:{tar.hexdigest()}"}


class Contents:
    """All that a registry has of a release: .blobs and .manifests, by digest and name."""

    def __init__(self, release):
        self.release = release
        self.blobs = {}      # digest -> blob: layers and configs
        self.manifests = {}  # (repository, tag) -> Blob
        self._noise = Noise(release.seed)
        self._layers = {}    # number -> (blob, diff_id)
        self._header = tar_header(release.blob_size)
        for number in range(release.images):
            self._add_image(number)

    def _add_image(self, number):
        layers = [self._layer(layer) for layer in self.release.layer_numbers(number)]
        config = self._keep(Blob(document({
            "architecture": "amd64", "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Entrypoint": [f"/service-{number}"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        }), CONFIG_TYPE))
        self.manifests[self.release.name(number)] = Blob(document({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": descriptor(config),
            "layers": [descriptor(blob) for blob, _ in layers],
        }), MANIFEST_TYPE)

    def _keep(self, blob):
        self.blobs[blob.digest] = blob
        return blob

    def _layer(self, number):
        if number not in self._layers:
            made = self._make_layer(number)
            self._keep(made[0])
            self._layers[number] = made
        return self._layers[number]

    def _make_layer(self, number):
        if self.release.huge:
            huge = HugeBlob(self.release.huge, self.release.seed)
            return huge, huge.diff_id
        size = self.release.blob_size
        tar = b"".join((self._header, self._noise.take(number, size),
                        bytes(-size % TAR_BLOCK + 2 * TAR_BLOCK)))
        return Blob(gzip_stored(tar), LAYER_TYPE), digest_of(tar)


def recall(key, find_out):
    """What was found out under a key once before, or now."""
    known = json.loads(KNOWN.read_text(encoding="ascii")) if KNOWN.exists() else {}
    if key not in known:
        known[key] = find_out()
        KNOWN.parent.mkdir(parents=True, exist_ok=True)
        KNOWN.write_text(json.dumps(known), encoding="ascii")
    return known[key]


def stored(content, last=False):
    """A stored block of deflate, which has to begin and end at whole bytes."""
    size = len(content)
    return (bytes([last]) + size.to_bytes(2, "little") +
            (size ^ STORED_MAX).to_bytes(2, "little") + content)


def gzip_stored(content):
    """A gzip stream in stored blocks, without a time in it."""
    packer = zlib.compressobj(0, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


def tar_header(size):
    """Of a file with SIZE bytes; sizes beyond 8 GiB are written as GNU tar does."""
    info = tarfile.TarInfo("data")
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def document(value):
    """JSON as it goes over the wire."""
    return json.dumps(value, separators=(",", ":")).encode()


def descriptor(blob):
    """OCI's, of a blob."""
    return {"mediaType": blob.kind, "digest": blob.digest, "size": blob.size}


def digest_of(content):
    """As OCI writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def to_json(release):
    """For the server's command line."""
    return json.dumps(asdict(release))


def from_json(text):
    """What to_json() wrote."""
    return Release(**json.loads(text))
