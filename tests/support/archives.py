"""Archives of images, built by hand as Docker of each age, Podman and skopeo build them.

    app = Image("docker.io/library/app:1", [layer("a"), layer("b")])
    docker_1x(app)          # members as `docker save` of 1.10 to 24 writes them
    docker_25(app)          # blobs/sha256 and an OCI layout, as since 25
    oci(app)                # an OCI layout alone
    tar(docker_1x(app))     # the bytes of the archive

An archive is a list of members, for a test to change before it is written.

By hand: `archives.py FOLDER` fills FOLDER with the seeds of fuzz_archive.
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

OCI = "application/vnd.oci.image."
LAYER = OCI + "layer.v1.tar"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
BLOBS = "blobs/sha256/"


def to_json(value):
    """As ferry and Go write JSON: no spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def hex_of(data):
    """The digits of a digest."""
    return hashlib.sha256(data).hexdigest()


def digest_of(data):
    """sha256:..."""
    return "sha256:" + hex_of(data)


def layer(name, size=2000):
    """An uncompressed layer of one file."""
    return tar([Member(f"{name}.txt", name.encode() * size)])


@dataclass
class Member:
    """A member of a tar archive; a kind of tarfile's, a link if it has a target."""

    name: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    target: str = ""
    size: int = -1              # what the header says, if not the truth
    head: dict = field(default_factory=dict)


def tar(members, end=True):
    """The bytes of an archive, with its two zero blocks unless `end` is false."""
    out = io.BytesIO()
    for member in members:
        info = tarfile.TarInfo(member.name)
        info.type, info.linkname = member.kind, member.target
        info.size = len(member.data) if member.size < 0 else member.size
        for name, value in member.head.items():
            setattr(info, name, value)
        out.write(info.tobuf(tarfile.PAX_FORMAT))
        out.write(member.data + bytes(-len(member.data) % 512))
    return out.getvalue() + bytes(1024) * end


@dataclass
class Image:
    """An image of uncompressed layers; `packed` compresses what a manifest names."""

    name: str
    layers: list
    architecture: str = "amd64"
    packed: bool = False

    @property
    def config(self):
        """The config's bytes."""
        return to_json({"architecture": self.architecture, "os": "linux", "config": {},
                        "rootfs": {"type": "layers",
                                   "diff_ids": [digest_of(data) for data in self.layers]}})

    @property
    def blobs(self):
        """The layers as the manifest has them."""
        return [gzip.compress(data, mtime=0) if self.packed else data for data in self.layers]

    @property
    def manifest(self):
        """The bytes of an OCI manifest: for plain layers those that ferry makes."""
        kind = LAYER + "+gzip" if self.packed else LAYER
        return to_json({
            "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
            "config": descriptor(OCI + "config.v1+json", self.config),
            "layers": [descriptor(kind, data) for data in self.blobs]})

    @property
    def tag(self):
        """What is behind the name's last colon."""
        return self.name.rpartition(":")[2]


def descriptor(kind, data):
    """What a manifest or an index says of bytes."""
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def unique(members):
    """Each name once: images share layers."""
    return list({member.name: member for member in members}.values())


def docker_1x(*images, shared=True):
    """Folders by ID with layer.tar in them; a layer that two images have is a link in one."""
    members, entries, first = [], [], {}
    for image in images:
        paths = []
        for number, data in enumerate(image.layers):
            folder = hex_of(f"{image.name} {number}".encode())
            paths.append(f"{folder}/layer.tar")
            members += [Member(f"{folder}/", kind=tarfile.DIRTYPE),
                        Member(f"{folder}/VERSION", b"1.0"),
                        Member(f"{folder}/json", to_json({"id": folder}))]
            if shared and data in first:
                members.append(Member(paths[-1], kind=tarfile.SYMTYPE,
                                      target=f"../{first[data]}/layer.tar"))
            else:
                members.append(Member(paths[-1], data))
                first[data] = folder
        config = f"{hex_of(image.config)}.json"
        members.append(Member(config, image.config))
        entries.append({"Config": config, "RepoTags": [familiar(image.name)], "Layers": paths})
    members.sort(key=lambda member: member.name)
    return [*unique(members), Member("manifest.json", to_json(entries)),
            Member("repositories", b"{}\n")]


def familiar(name):
    """As Docker writes names into RepoTags."""
    return name.removeprefix("docker.io/").removeprefix("library/")


def index_of(images):
    """index.json over images, named as Docker names them."""
    return to_json({
        "schemaVersion": 2, "mediaType": OCI + "index.v1+json",
        "manifests": [{**descriptor(OCI + "manifest.v1+json", image.manifest),
                       "annotations": {"io.containerd.image.name": image.name,
                                       "org.opencontainers.image.ref.name": image.tag}}
                      for image in images]})


def blobs_of(images):
    """All blobs of images as members."""
    return unique(Member(BLOBS + hex_of(data), data) for image in images
                  for data in (*image.blobs, image.config, image.manifest))


def oci(*images):
    """An OCI image layout."""
    return [Member("blobs/", kind=tarfile.DIRTYPE), Member(BLOBS, kind=tarfile.DIRTYPE),
            *blobs_of(images), Member("index.json", index_of(images)),
            Member("oci-layout", LAYOUT)]


def docker_25(*images):
    """The same and manifest.json over the same blobs."""
    entries = [{"Config": BLOBS + hex_of(image.config), "RepoTags": [familiar(image.name)],
                "Layers": [BLOBS + hex_of(data) for data in image.blobs]} for image in images]
    members = oci(*images)
    return [*members[:-1], Member("manifest.json", to_json(entries)), members[-1],
            Member("repositories", b"{}\n")]


def find(members, name):
    """The member of that name."""
    return next(member for member in members if member.name == name)


def unpack(members, folder):
    """An archive's members as files in a folder."""
    for member in members:
        path = folder / member.name
        if member.kind == tarfile.DIRTYPE:
            path.mkdir(parents=True, exist_ok=True)
        elif member.kind == tarfile.SYMTYPE:
            path.symlink_to(member.target)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(member.data)
    return folder


# Seeds for the fuzzer

def seeds():
    """{name: bytes}: a letter for what it is, and then that, as small as may be."""
    def small(name):
        return tar([Member(name, b"x")])
    app = Image("docker.io/library/app:1", [small("a")])
    web = Image("docker.io/acme/web:2", [small("a"), small("c")])
    sparse = {"pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                              "GNU.sparse.name": "layer", "GNU.sparse.realsize": "4096"}}
    return {
        "docker_1x": b"t" + tar(docker_1x(app, web)),
        "docker_25": b"t" + tar(docker_25(app)),
        "oci": b"t" + tar(oci(web)),
        "oci_gzip": b"t" + gzip.compress(tar(oci(app)), mtime=0),
        "sparse": b"t" + tar([Member("sparse", b"1\n2048\n512\n".ljust(1024, b"\0"),
                                     head=sparse)]),
        "links": b"t" + tar([Member("a", b"x"),
                             Member("b/c", kind=tarfile.SYMTYPE, target="../a"),
                             Member("h", kind=tarfile.LNKTYPE, target="a")]),
        "manifest": b"m" + find(docker_1x(app, web), "manifest.json").data,
    }


if __name__ == "__main__":
    for seed, data in seeds().items():
        (Path(sys.argv[1]) / seed).write_bytes(data)
