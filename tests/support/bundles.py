"""Writes bundles straight from docs/format.md, without a line of ferry's.

That this writer and `ferry pack` make the same bytes proves that the page
says what ferry does.  And it can be told to do each thing wrong while all the
rest stays consistent, as somebody would who means harm:

    app = image("docker.io/library/app:1", [gzip_layer("a", 3000)])
    write([app]).data                                   # a good bundle
    write([app], places=lambda p: p.update(end=0))      # one that lies

An edit takes what a stage made; it changes it in place, or returns another
one.  The stages, in order: blobs, runs, index, manifest, places,
places_text, statement, statement_text, front, frames, table, file.

By hand: `bundles.py FOLDER` fills FOLDER with the seeds of the fuzzers.
"""

import ctypes
import gzip
import hashlib
import json
import random
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

OCI = "application/vnd.oci.image."
OCI_INDEX = OCI + "index.v1+json"
OCI_MANIFEST = OCI + "manifest.v1+json"
OCI_CONFIG = OCI + "config.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
IN_TOTO = "application/vnd.in-toto+json"
LAYER_GZIP = OCI + "layer.v1.tar+gzip"
LAYER_PLAIN = OCI + "layer.v1.tar"
DOCKER_PLAIN = "application/vnd.docker.image.rootfs.diff.tar"

TRAILER = 1024
FRAME = (8 << 20) - TRAILER
BLOCK = 128 << 10
SEEK_FRAMES = 4093
SIGNATURES = b"\n" * 4096
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SEEK_MAGIC = b"\x5e\x2a\x4d\x18"
SEEK_FOOT = b"\x00\xb1\xea\x92\x8f"


# Digests and JSON

def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hex_of(digest):
    return digest.partition(":")[2]


def to_json(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                      0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def rotate(value, bits):
    value &= MASK
    return (value << bits | value >> (64 - bits)) & MASK


def lane_round(lane, word):
    return rotate(lane + word * P2, 31) * P1 & MASK


def xxh64_tail(total, rest):
    """What is left of less than 32 bytes, and the final mixing."""
    while len(rest) >= 8:
        word = int.from_bytes(rest[:8], "little")
        total, rest = rotate(total ^ lane_round(0, word), 27) * P1 + P4, rest[8:]
    if len(rest) >= 4:
        word = int.from_bytes(rest[:4], "little")
        total, rest = rotate(total ^ word * P1, 23) * P2 + P3, rest[4:]
    for byte in rest:
        total = rotate(total ^ byte * P5, 11) * P1
    total &= MASK
    total = (total ^ total >> 33) * P2 & MASK
    total = (total ^ total >> 29) * P3 & MASK
    return total ^ total >> 32


def xxh64(data):
    """XXH64 with seed 0, as xxHash's doc/xxhash_spec.md has it."""
    whole = len(data) & ~31
    total = P5
    if whole:
        a, b, c, d = (P1 + P2) & MASK, P2, 0, -P1 & MASK
        for i, j, k, l in struct.iter_unpack("<4Q", data[:whole]):
            a, b = lane_round(a, i), lane_round(b, j)
            c, d = lane_round(c, k), lane_round(d, l)
        total = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)
        for lane in (a, b, c, d):
            total = ((total & MASK ^ lane_round(0, lane)) * P1 + P4) & MASK
    return xxh64_tail((total + len(data)) & MASK, data[whole:])


# Members: "Members" in docs/format.md

FIELDS = {"name": 100, "mode": 8, "uid": 8, "gid": 8, "size": 12, "mtime": 12, "checksum": 8,
          "typeflag": 1, "linkname": 100, "magic": 6, "version": 2, "uname": 32, "gname": 32,
          "devmajor": 8, "devminor": 8, "prefix": 155, "unused": 12}


def joined(fields):
    return b"".join(fields.get(name, b"").ljust(width, b"\0") for name, width in FIELDS.items())


def tar_header(name, length, typeflag=b"0", **other):
    """A header block; `other` fields are taken as they are, the checksum fits all of them."""
    zero = b"0000000"
    fields = {"name": name.encode(), "mode": b"0000755" if typeflag == b"5" else b"0000644",
              "uid": zero, "gid": zero, "size": b"%011o" % length, "mtime": b"%011o" % 0,
              "typeflag": typeflag, "magic": b"ustar", "version": b"00", "devmajor": zero,
              "devminor": zero, **other}
    if "checksum" not in other:
        fields["checksum"] = b"%06o\0 " % sum(joined({**fields, "checksum": b" " * 8}))
    return joined(fields)


def padding(size):
    return b"\0" * (-size % 512)


def member(name, data=b"", typeflag=b"0", **other):
    """A whole member: header, content, padding."""
    return tar_header(name, len(data), typeflag, **other) + data + padding(len(data))


def pax_head(name, size, record=None):
    """What stands before the content of a member too large for ustar."""
    record = record or b"%d size=%d\n" % (len(" size=\n") + len(str(size)) + 2, size)
    pax = member("PaxHeaders/" + name.rpartition("/")[2], record, b"x")
    return pax + tar_header(name, 0)


def blob_head(name, size):
    return pax_head(name, size) if size >= 8 << 30 else tar_header(name, size)


# Frames: "Frames" in docs/format.md

def block(data, last, kind=0, size=None):
    head = (len(data) if size is None else size) << 3 | kind << 1 | last
    return struct.pack("<I", head)[:3] + data


def raw_blocks(content):
    starts = range(0, max(len(content), 1), BLOCK)
    return b"".join(block(content[at:at + BLOCK], at == starts[-1]) for at in starts)


def raw_frame(content, descriptor=0x84, window=b"\x38", size=None, blocks=None, checksum=None):
    """A raw frame, or one that is off in what is given."""
    size = len(content) if size is None else size
    checksum = xxh64(content) & 0xffffffff if checksum is None else checksum
    return (ZSTD_MAGIC + bytes([descriptor]) + window + struct.pack("<I", size) +
            (raw_blocks(content) if blocks is None else blocks) + struct.pack("<I", checksum))


def skippable(data, size=None, magic=b"\x50\x2a\x4d\x18"):
    return magic + struct.pack("<I", len(data) if size is None else size) + data


class Zstd:
    """The one call that the page names, of the libzstd that is installed."""

    PARAMETERS = {100: 3, 101: 20, 200: 1, 201: 1}  # level, windowLog, content size, checksum

    def __init__(self):
        self.lib = ctypes.CDLL("libzstd.so.1")
        for name, result in [("createCCtx", ctypes.c_void_p), ("freeCCtx", ctypes.c_size_t),
                             ("CCtx_setParameter", ctypes.c_size_t),
                             ("compressBound", ctypes.c_size_t), ("compress2", ctypes.c_size_t)]:
            getattr(self.lib, "ZSTD_" + name).restype = result

    def bound(self, size):
        """ZSTD_compressBound + 4: the most that a frame takes."""
        return self.lib.ZSTD_compressBound(ctypes.c_size_t(size)) + 4

    def frame(self, content, **parameters):
        """A compressed frame; `parameters` are {"p100": 19} and the like."""
        own = {int(key[1:]): value for key, value in parameters.items()}
        context = ctypes.c_void_p(self.lib.ZSTD_createCCtx())
        for key, value in {**self.PARAMETERS, **own}.items():
            self.lib.ZSTD_CCtx_setParameter(context, key, value)
        room = ctypes.create_string_buffer(self.bound(len(content)))
        size = self.lib.ZSTD_compress2(context, room, ctypes.c_size_t(len(room)), content,
                                       ctypes.c_size_t(len(content)))
        self.lib.ZSTD_freeCCtx(context)
        return room.raw[:size]


zstd = Zstd()


def cut(run, closing=False):
    """A run's content, frame by frame."""
    end = len(run) - (TRAILER if closing else 0)
    starts = range(0, max(end, 1), FRAME)
    return [run[at:] if at == starts[-1] else run[at:at + FRAME] for at in starts]


# Images: what registries would have served

@dataclass(frozen=True)
class Layer:
    media_type: str
    data: bytes = field(repr=False)
    diff_id: str

    @property
    def descriptor(self):
        return {"mediaType": self.media_type, "digest": digest_of(self.data),
                "size": len(self.data)}


def noise(seed, size):
    return random.Random(seed).randbytes(size)


def gzip_layer(seed, size):
    """A layer of some `size` bytes no compressor can shrink."""
    plain = noise(seed, size)
    return Layer(LAYER_GZIP, gzip.compress(plain, 1, mtime=0), digest_of(plain))


def exact_layer(seed, size, media_type=LAYER_GZIP):
    """A layer of that very size; nobody looks into it before it is run."""
    data = noise(seed, size)
    return Layer(media_type, data, digest_of(data))


def plain_layer(seed, size, media_type=LAYER_PLAIN):
    """A layer not yet compressed, which is worth it."""
    data = (noise(seed, 50) * (size // 50 + 1))[:size]
    return Layer(media_type, data, digest_of(data))


@dataclass
class Nested:
    """An index that is carried above images of one name."""

    media_type: str
    data: bytes = field(repr=False)
    primary: int            # the child that is in manifest.json
    children: int

    @property
    def digest(self):
        return digest_of(self.data)


@dataclass
class Image:
    """An image of one platform: its documents, and what is said of them."""

    name: str
    platform: str | None        # None: no image, but a child of an index all the same
    media_type: str
    manifest: bytes = field(repr=False)
    config: bytes = field(repr=False)
    layers: list = field(repr=False)        # of Layer
    config_digest: str = ""
    index: str | None = None
    within: Nested | None = None
    secondary: bool = False     # another one stands for the name

    @property
    def digest(self):
        return digest_of(self.manifest)

    @property
    def whole(self):
        """The digest of what the name stands for."""
        return self.within.digest if self.within else self.digest

    @property
    def documents(self):
        above = [Blob(self.within.data)] if self.within else []
        return [*above, Blob(self.manifest), Blob(self.config, self.config_digest)]


def edited(value, edit):
    """The value after an edit, which may be in place, another value, or none."""
    changed = edit(value) if edit else None
    return value if changed is None else changed


def platform_fields(platform):
    return dict(zip(("os", "architecture", "variant"), platform.split("/")))


def as_bytes(value):
    return value if isinstance(value, bytes) else to_json(value)


def image(name, layers, platform="linux/amd64", index=None, config=None, manifest=None):
    """An image; `config` and `manifest` are edits of these documents."""
    config_bytes = as_bytes(edited({
        **platform_fields(platform), "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}}, config))
    document = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config_bytes),
                   "size": len(config_bytes)},
        "layers": [layer.descriptor for layer in layers]}
    return Image(name, platform, OCI_MANIFEST, as_bytes(edited(document, manifest)), config_bytes,
                 list(layers), digest_of(config_bytes), index)


def attestation(name, subject):
    """What BuildKit puts beside an image; its config is taken for one by nobody."""
    statement = to_json({"subject": [{"digest": subject.digest}]})
    made = image(name, [Layer(IN_TOTO, statement, digest_of(statement))], "unknown/unknown")
    made.platform = None
    return made


# Nested indexes: "Nested indexes" in docs/format.md

def child_entry(child, **more):
    """A child as an index lists it."""
    fields = platform_fields(child.platform or "unknown/unknown")
    version = json.loads(child.config).get("os.version") if child.platform else None
    fields.update({"os.version": version} if version else {})
    note = {} if child.platform else {"annotations": {
        "vnd.docker.reference.type": "attestation-manifest"}}
    return {"mediaType": child.media_type, "digest": child.digest, "size": len(child.manifest),
            "platform": dict(sorted(fields.items())), **note, **more}


def ferry_index(images):
    """The index that ferry makes of some images."""
    all_docker = all(each.media_type == DOCKER_MANIFEST for each in images)
    return {"schemaVersion": 2, "mediaType": DOCKER_LIST if all_docker else OCI_INDEX,
            "manifests": [child_entry(each) for each in images]}


def primary_of(images, document):
    """Which child is in manifest.json."""
    if document == ferry_index(images) and all(each.platform for each in images):
        return 0
    usual = [n for n, each in enumerate(images) if each.platform == "linux/amd64"]
    return [*usual, *(n for n, each in enumerate(images) if each.platform)][0]


def nested(images, index=None, document=None):
    """Puts images of one name below an index: that of ferry's for images chosen from `index`, or,
    where `document` is an edit of it, the source's own."""
    made = edited(ferry_index(images), document)
    data = as_bytes(made)
    primary = primary_of(images, made)
    above = Nested(made["mediaType"], data, primary, len(images))
    for number, each in enumerate(images):
        each.within, each.index = above, (index or digest_of(data))
        each.secondary = number != primary
    return images


# Blobs: "Layout" in docs/format.md

@dataclass
class Blob:
    """A blob as it is stored; `size` is what is said of it."""

    data: bytes = field(repr=False)
    digest: str = ""
    plain: bool = False
    size: int | None = None

    def __post_init__(self):
        self.digest = self.digest or digest_of(self.data)
        self.size = len(self.data) if self.size is None else self.size

    @property
    def name(self):
        return "blobs/sha256/" + hex_of(self.digest)


def blobs_of(images):
    """All blobs of the images, each once, in the order of the page."""
    layers = [layer for each in images for layer in each.layers]
    plain = (LAYER_PLAIN, DOCKER_PLAIN)
    blobs = [blob for each in images for blob in each.documents]
    blobs += [Blob(layer.data) for layer in layers if layer.media_type not in plain]
    blobs += [Blob(layer.data, plain=True) for layer in layers if layer.media_type in plain]
    first = {}
    for blob in blobs:
        first.setdefault(blob.digest, blob)
    return list(first.values())


@dataclass
class Run:
    """A blob's member in frames; without a blob, bundle.blobs does not speak of it."""

    blob: Blob | None
    frames: list = field(repr=False)

    @property
    def size(self):
        return sum(map(len, self.frames))


def content_of(blob, last, head=None, data=None, tail=None):
    """A blob's member, with another head, content, or what follows it."""
    data = blob.data if data is None else data
    head = blob_head(blob.name, len(data)) if head is None else head
    if tail is None:
        tail = padding(len(data)) + (b"\0" * TRAILER if last else b"")
    return head + data + tail


def run_of(blob, last, frame=None, **other):
    """A blob's run; `frame` makes a frame of content."""
    frame = frame or (zstd.frame if blob.plain else raw_frame)
    return Run(blob, [frame(part) for part in cut(content_of(blob, last, **other), last)])


def runs_of(blobs):
    return [run_of(blob, blob is blobs[-1]) for blob in blobs]


# Front: "Front" in docs/format.md

def top_descriptor(each):
    """What a name stands for: an image, or an index, which has no platform."""
    if each.within:
        return {"mediaType": each.within.media_type, "digest": each.within.digest,
                "size": len(each.within.data)}
    return {"mediaType": each.media_type, "digest": each.digest, "size": len(each.manifest),
            "platform": dict(sorted(platform_fields(each.platform).items()))}


def index_of(images):
    """index.json."""
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{
        **top_descriptor(each),
        "annotations": {"io.containerd.image.name": each.name,
                        "org.opencontainers.image.ref.name": each.name}}
        for each in images if not each.secondary]}


def manifest_of(images):
    """manifest.json: an entry for each distinct manifest that a name stands for."""
    entries = {}
    for each in (one for one in images if not one.secondary):
        entry = entries.setdefault(each.digest, {
            "Config": "blobs/sha256/" + hex_of(each.config_digest), "RepoTags": [],
            "Layers": [Blob(layer.data).name for layer in each.layers]})
        if "@" not in each.name:
            entry["RepoTags"].append(each.name)
    return list(entries.values())


def blobs_by_image(images):
    """For each image the sizes of its blobs by digest."""
    return [{blob.digest: blob.size for blob in blobs_of([each])} for each in images]


def images_stated(images):
    own = blobs_by_image(images)
    stated = []
    for each, blobs in zip(images, own):
        shared = sum(size for digest, size in blobs.items()
                     if sum(digest in other for other in own) > 1)
        stated.append({"name": each.name,
                       **({"platform": each.platform} if each.platform else {}),
                       "manifest": each.digest,
                       **({"index": each.index} if each.index else {}),
                       **({"within": each.within.digest} if each.within else {}),
                       "size": sum(blobs.values()), "shared": shared})
    return stated


def file_stated(data):
    return {"digest": digest_of(data), "size": len(data)}


def places_of(runs):
    """What bundle.blobs says; a run that belongs to no blob only takes room."""
    blobs, offset = [], 0
    for run in runs:
        if run.blob:
            place = {"digest": run.blob.digest, "size": run.blob.size, "offset": offset}
            if run.blob.plain:
                place["frames"] = digest_of(b"".join(run.frames))
            blobs.append(place)
        offset += run.size
    return {"blobs": blobs, "end": offset}


def number(value):
    """Sixteen digits, or the text that somebody wrote instead."""
    return f"{value:016}" if isinstance(value, int) else value


def places_text(places):
    """bundle.blobs: a line for each blob, and one for the end."""
    lines = [f"{place['digest']} {number(place['size'])} {number(place['offset'])}"
             + (f" frames={place['frames']}" if "frames" in place else "")
             for place in places["blobs"]]
    return "".join(f"{line}\n" for line in [*lines, f"end {number(places['end'])}"]).encode()


def front_of(index, manifest, places, statement):
    """The members of the front by name."""
    return {"oci-layout": member("oci-layout", LAYOUT),
            "index.json": member("index.json", index),
            "manifest.json": member("manifest.json", manifest),
            "bundle.blobs": member("bundle.blobs", places),
            "bundle.json": member("bundle.json", statement),
            "bundle.json.sig": member("bundle.json.sig", SIGNATURES),
            "blobs/": member("blobs/", typeflag=b"5"),
            "blobs/sha256/": member("blobs/sha256/", typeflag=b"5")}


# Seek table: "Seek table" in docs/format.md

def content_size(frame):
    """The content that a frame of ours declares: raw, or libzstd's."""
    descriptor = (frame + b"\0" * 5)[4]
    at = 5 + (not descriptor & 0x20) + (0, 1, 2, 4)[descriptor & 3]
    width = (1 if descriptor & 0x20 else 0, 2, 4, 8)[descriptor >> 6]
    size = int.from_bytes(frame[at:at + width], "little") + (256 if width == 2 else 0)
    return size & 0xffffffff    # of whatever an edit made of the frame


def seek_table(frames, foot=SEEK_FOOT, count=None):
    """The table of all frames, or nothing where there are too many."""
    if len(frames) > SEEK_FRAMES:
        return b""
    entries = b"".join(struct.pack("<II", len(frame), content_size(frame)) for frame in frames)
    count = len(frames) if count is None else count
    return skippable(entries + struct.pack("<I", count) + foot, magic=SEEK_MAGIC)


# All of it

@dataclass
class Bundle:
    """A written bundle, and what lies where in it."""

    data: bytes = field(repr=False)
    statement: bytes = field(repr=False)
    places: bytes = field(repr=False)
    images: list
    regions: list       # (front, a blob's digest or seek table; begin; end)

    def owners(self, digest):
        """The names of the images that need a blob."""
        return [each.name for each in self.images if digest in blobs_by_image([each])[0]]


def regions_of(front, runs, table):
    regions, at = [], 0
    for name, size in [("front", front), *((run.blob.digest if run.blob else "stray", run.size)
                                           for run in runs), ("seek table", len(table))]:
        regions.append((name, at, at + size))
        at += size
    return regions


def write(images, **edits):
    """A bundle of the images.  For the edits see above."""
    def stage(name, value):
        return edited(value, edits.pop(name, None))

    images = sorted(images, key=lambda each: each.name.encode())
    runs = stage("runs", runs_of(stage("blobs", blobs_of(images))))
    index = as_bytes(stage("index", index_of(images)))
    manifest = as_bytes(stage("manifest", manifest_of(images)))
    places = stage("places_text", places_text(stage("places", places_of(runs))))
    statement = stage("statement", {
        "type": "ferry.bundle/v1", "index.json": file_stated(index),
        "manifest.json": file_stated(manifest), "bundle.blobs": file_stated(places),
        "images": images_stated(images)})
    text = stage("statement_text", to_json(statement) + b"\n")
    front = stage("front", front_of(index, manifest, places, text))
    frames = stage("frames", [raw_frame(part) for part in cut(b"".join(front.values()))])
    table = stage("table", seek_table([*frames, *(f for run in runs for f in run.frames)]))
    data = stage("file", b"".join([*frames, *(f for run in runs for f in run.frames), table]))
    if edits:
        raise TypeError(f"no such stage: {', '.join(edits)}")
    return Bundle(data, text, places, images, regions_of(sum(map(len, frames)), runs, table))


# Seeds for the fuzzers

NESTED = "docker.io/library/both:1"


def seeds():
    """Small bundles with all that there is."""
    one, two = gzip_layer("one", 100), gzip_layer("two", 50)
    plain = plain_layer("plain", 700)
    app = image("docker.io/library/app:1", [one, two])
    return {
        "no-layers": write([image("a.io/b:1", [])]),
        "layers": write([app]),
        "arm": write([image("quay.io/team/app:2", [one], "linux/arm64/v8", digest_of(b""))]),
        "digest": write([image(f"app.io/app@{app.digest}", [one, two])]),
        "shared": write([app, image("docker.io/library/app:2", [two])]),
        "plain": write([image("docker.io/library/app:1", [plain])]),
        "plain-and-gzip": write([image("docker.io/library/app:1", [plain, one])]),
        "hidden-frame": write([app], table=lambda table: skippable(b"?") + table),
        "no-table": write([app], table=lambda _: b""),
        "nested": write(nested([image(NESTED, [one]), image(NESTED, [two], "linux/arm64")],
                               digest_of(b""))),
        "nested-all": write(nested([*(both := [image(NESTED, [two], "linux/arm64"),
                                               image(NESTED, [one])]),
                                    attestation(NESTED, both[1])])),
    }


def write_seeds(folder):
    for name, bundle in seeds().items():
        for target, data in [("fuzz_bundle", bundle.data), ("fuzz_statement", bundle.statement),
                             ("fuzz_blob_table", bundle.places)]:
            path = Path(folder) / target / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)


if __name__ == "__main__":
    write_seeds(*sys.argv[1:])
