"""Archives and layouts that are damaged, hostile, or none: rows 22 to 39 of what must be refused.

Each is refused with its own message; nothing stands under the output's name;
it takes neither time nor memory.
"""

import gzip
import json
import random
import resource
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from archives import (LAYOUT, Image, Member, digest_of, docker_1x, docker_25, find,  # noqa: E402
                      hex_of, layer, oci, tar, to_json, unpack)
from ferry import environment, program, run  # noqa: E402

PATIENCE = 30
SEED = 20241123
APP = Image("docker.io/library/app:1", [layer("a"), layer("b")])
WEB = Image("docker.io/acme/web:2", [layer("a"), layer("c")])
EVIL = Image("docker.io/library/app:1", [layer("evil")])


def refused(origin, folder, *messages):
    """ferry says no, says why, and leaves nothing."""
    output = folder / "out.tar.zst"
    done = run("pack", origin, "-o", output, timeout=PATIENCE)
    text = done.stdout + done.stderr
    assert done.returncode in (1, 2, 3), text
    assert "Sanitizer" not in text and "runtime error" not in text, text
    for message in messages:
        assert message in text, text
    assert not output.exists()
    return text


def save(folder, data):
    """The bytes as a file."""
    path = folder / "bad.tar"
    path.write_bytes(data)
    return path


# Members: each edit is of an archive of docker save and of an OCI layout alike.

def with_member(*members):
    """What is added at the front."""
    return lambda archive: [*members, *archive]


def first_blob(archive):
    """A layer, whatever it is called."""
    return max((m for m in archive if m.kind == tarfile.REGTYPE), key=lambda m: len(m.data))


def changed(**values):
    """The largest member, changed."""
    def edit(archive):
        blob = first_blob(archive)
        for name, value in values.items():
            setattr(blob, name, value)
        return archive
    return edit


def twice(name=None):
    """A member once more, or under another spelling."""
    def edit(archive):
        blob = first_blob(archive)
        return [*archive, Member(name(blob.name) if name else blob.name, blob.data)]
    return edit


GNU_SPARSE = {"pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                              "GNU.sparse.name": "layer", "GNU.sparse.realsize": "4096"}}

MEMBERS = {
    "absolute": (with_member(Member("/etc/cron.d/x", b"x")), "the name '/etc/cron.d/x' is absolute"),
    "traversal": (with_member(Member("../../etc/x", b"x")), "has a \"..\" in it"),
    "traversal inside": (with_member(Member("blobs/../../x", b"x")), "has a \"..\" in it"),
    "traversal in a folder": (with_member(Member("../x/", kind=tarfile.DIRTYPE)),
                              "has a \"..\" in it"),
    "backslash": (with_member(Member("..\\x", b"x")), "has a backslash in it"),
    "control bytes": (with_member(Member("a\x1b[2Jb", b"x")), "bytes that are no plain text"),
    "long name": (with_member(Member("n" * 5000, b"x")), "too many bytes"),
    "twice": (twice(), "two members are called "),
    "twice with ./": (twice(lambda name: "./" + name), "two members are called "),
    "hard link": (changed(kind=tarfile.LNKTYPE, target="manifest.json", data=b""),
                  "it is a hard link"),
    "hard link with bytes": (changed(kind=tarfile.LNKTYPE, target="manifest.json"),
                             "it is a hard link"),
    "hard link to nothing": (changed(kind=tarfile.LNKTYPE), ""),
    "hard link out": (with_member(Member("passwd", kind=tarfile.LNKTYPE, target="/etc/passwd")),
                      "passwd: it is a hard link"),
    "link out": (with_member(Member("passwd", kind=tarfile.SYMTYPE, target="/etc/passwd")),
                 "passwd is a symbolic link to '/etc/passwd', which is no file of the archive"),
    "link up": (with_member(Member("x/passwd", kind=tarfile.SYMTYPE, target="../../passwd")),
                "x/passwd is a symbolic link to '../../passwd'"),
    "link to a folder": (with_member(Member("a/", kind=tarfile.DIRTYPE),
                                     Member("b", kind=tarfile.SYMTYPE, target="a")),
                         "b is a symbolic link to 'a'"),
    "character device": (with_member(Member("tty", kind=tarfile.CHRTYPE)), "it is a device"),
    "block device": (with_member(Member("sda", kind=tarfile.BLKTYPE)), "it is a device"),
    "fifo": (with_member(Member("fifo", kind=tarfile.FIFOTYPE)), "it is a device"),
    "sparse": (with_member(Member("sparse", b"1\n2048\n512\n".ljust(1024, b"\0"), head=GNU_SPARSE)),
               "it is a sparse file"),
    "size beyond the end": (changed(size=1 << 33), ""),
    "size of a petabyte": (changed(size=1 << 51), "a size of 2251799813685248 bytes"),
    "size too small": (changed(size=100), ""),
}


@pytest.mark.parametrize("transport, make", [("docker-archive", docker_1x), ("oci-archive", oci)])
@pytest.mark.parametrize("edit, message", MEMBERS.values(), ids=MEMBERS)
def test_members(tmp_path, transport, make, edit, message):
    """What two readers could see differently, or what is no file."""
    path = save(tmp_path, tar(edit(make(APP, WEB))))
    refused(f"{transport}:{path}", tmp_path, str(path), message)


WHOLE = tar(docker_1x(APP, WEB))
FILES = {
    "empty": (b"", "it is empty"),
    "one byte": (b"x", "nrecognized archive format"),
    "zeros": (bytes(4096), "it has no manifest.json"),
    "text": (b"hello " * 1000, "nrecognized archive format"),
    "xz": (b"\xfd7zXZ\0" + bytes(100), "it is compressed by xz; ferry takes tar, plain or"),
    "bzip2": (b"BZh9" + bytes(100), "it is compressed by bzip2"),
    "lz4": (b"\x04\x22\x4d\x18" + bytes(100), "it is compressed by lz4"),
    "zip": (b"PK\x03\x04" + bytes(100), "it is a zip archive"),
    "gzip of text": (gzip.compress(b"hello " * 1000), "nrecognized archive format"),
    "gzip of nothing": (gzip.compress(b""), ""),
    "gzip of gzip": (gzip.compress(gzip.compress(WHOLE)), "it is compressed more than once"),
    "no end": (WHOLE[:-1024], "cut off: its end is missing"),
    "half an end": (WHOLE[:-512], "cut off: its end is missing"),
    "a second archive": (WHOLE + WHOLE, "something follows the end of the archive"),
    "garbage behind": (WHOLE + b"x", "something follows the end of the archive"),
    "zeros behind": (gzip.compress(WHOLE + bytes(17 << 20)), "something follows the end"),
    "members behind a zero block": (tar(docker_1x(APP), end=False) + bytes(512) + WHOLE,
                                    "something follows the end of the archive"),
}


@pytest.mark.parametrize("data, message", FILES.values(), ids=FILES)
def test_files(tmp_path, data, message):
    """What is no archive, or not one alone."""
    path = save(tmp_path, data)
    refused(f"docker-archive:{path}", tmp_path, str(path), message)


def test_what_is_no_file(tmp_path):
    """A folder, a device, nothing."""
    for path, message in ((tmp_path, "it is a folder"), ("/dev/zero", "it is no regular file"),
                          (tmp_path / "none", "no such file")):
        refused(f"docker-archive:{path}", tmp_path, f"{path}: {message}")
        refused(f"oci-archive:{path}", tmp_path, f"{path}: {message}")
    path = save(tmp_path, WHOLE)
    refused(f"oci:{path}", tmp_path, "it is no folder; of an archive say oci-archive:")
    refused(f"oci:{tmp_path}", tmp_path, "no OCI image layout: it has no oci-layout")
    refused(f"oci-archive:{path}", tmp_path, "no OCI image layout: it has no oci-layout")
    path.write_bytes(tar(oci(APP)))
    refused(f"docker-archive:{path}", tmp_path,
            "it has no manifest.json; of an OCI layout say oci-archive:")


@pytest.mark.parametrize("transport, make", [
    ("docker-archive", docker_1x), ("docker-archive", docker_25), ("oci-archive", oci)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_cuts(tmp_path, transport, make, pack):
    """Cut off anywhere, it is never taken for whole."""
    data = pack(tar(make(APP, WEB)))
    places = random.Random(SEED).sample(range(len(data)), 20)
    for size in sorted({0, 1, 511, 512, 513, len(data) - 1024, len(data) - 1, *places}):
        if pack is gzip.compress and size > len(data) - 9:
            continue                # the sum at its end, which nothing hangs on
        path = save(tmp_path, data[:size])
        refused(f"{transport}:{path}", tmp_path, str(path))


# Documents

def json_of(name, edit):
    """An edit of a JSON member."""
    def change(archive):
        member = find(archive, name)
        value = json.loads(member.data)
        member.data = to_json(edit(value) or value)
        return archive
    return change


def bytes_of(name, data):
    """A member's bytes replaced."""
    def change(archive):
        find(archive, name).data = data
        return archive
    return change


def without(name):
    """A member left out."""
    return lambda archive: [member for member in archive if member.name != name]


def entry(**values):
    """The first entry of manifest.json, changed."""
    return json_of("manifest.json", lambda entries: entries[0].update(values))


CONFIG = hex_of(APP.config)
APP_LAYER = hex_of(b"docker.io/library/app:1 1") + "/layer.tar"
DEEP = b"[" * 100000 + b"]" * 100000

SAVED = {
    "no manifest.json": (without("manifest.json"), "it has no manifest.json"),
    "manifest.json is an object": (bytes_of("manifest.json", b"{}"), "no JSON array"),
    "manifest.json is deep": (bytes_of("manifest.json", DEEP), "manifest.json: "),
    "manifest.json has more behind": (bytes_of("manifest.json", b"[] []"), "no valid JSON"),
    "manifest.json has a key twice": (
        bytes_of("manifest.json", b'[{"Config":"a","Config":"b","Layers":[]}]'), "duplicate"),
    "manifest.json has NUL": (bytes_of("manifest.json", b'[{"Config":"a\\u0000"}]'),
                              "no valid JSON"),
    "manifest.json of another spelling": (entry(layers=["x"]),
                                          "\"layers\" would be taken for \"Layers\" by some"),
    "manifest.json has no image": (bytes_of("manifest.json", b"[]"), "it holds no image"),
    "manifest.json is no list of objects": (bytes_of("manifest.json", b"[1]"),
                                            "image 1: no JSON object"),
    "manifest.json is large": (bytes_of("manifest.json", b"[" + b" " * (33 << 20) + b"]"),
                               "but 33554432 is the limit"),
    "a config out of the archive": (entry(Config="../../../etc/passwd"),
                                    "manifest.json names ../../../etc/passwd, which is not in"),
    "an absolute config": (entry(Config="/etc/passwd"), "/etc/passwd, which is not in"),
    "a layer out of the archive": (entry(Layers=["/etc/passwd", "x"]),
                                   "manifest.json names /etc/passwd, which is not in"),
    "a layer that is a folder": (entry(Layers=[hex_of(b"docker.io/library/app:1 0"), "x"]),
                                 "which is no file"),
    "layers are no text": (entry(Layers=[1, 2]), "a layer is no text, or empty"),
    "names are no text": (entry(RepoTags=[None]), "a name is no text, or empty"),
    "a name that is none": (entry(RepoTags=["app:1:2//x"]), "=> NAME"),
    "an option for a name": (entry(RepoTags=["--force"]), "'--force' is no full name"),
    "fewer layers": (entry(Layers=[]), "manifest.json has 0 layers, but the config has 2"),
    "many layers": (entry(Layers=["x"] * 5000), "5000 layers, but 4096 is the limit"),
    "a config that is another": (bytes_of(f"{CONFIG}.json", EVIL.config),
                                 "somebody has changed it"),
    "a large config": (bytes_of(f"{CONFIG}.json", APP.config + b" " * (9 << 20)),
                       "but 8388608 is the limit"),
    "a layer that is another": (bytes_of(APP_LAYER, b"evil".ljust(len(APP.layers[1]))),
                                f"blob {digest_of(APP.layers[1])}"),
    "a layer that is cut off": (bytes_of(APP_LAYER, APP.layers[1][:-512]),
                                f"blob {digest_of(APP.layers[1])}"),
    "two images of one name": (
        json_of("manifest.json", lambda entries: [
            {**each, "RepoTags": ["app:1"]} for each in entries]),
        "it holds 2 images of that name"),
}


@pytest.mark.parametrize("edit, message", SAVED.values(), ids=SAVED)
def test_saved(tmp_path, edit, message):
    """manifest.json and what it leads to."""
    path = save(tmp_path, tar(edit(docker_1x(APP, WEB, shared=False))))
    refused(f"docker-archive:{path}", tmp_path, message)


def index(edit):
    """The first entry of index.json, changed."""
    return json_of("index.json", lambda document: edit(document["manifests"][0]))


MANIFEST = "blobs/sha256/" + hex_of(APP.manifest)
LAYER = "blobs/sha256/" + digest_of(APP.layers[1])[7:]

LAYOUTS = {
    "no oci-layout": (without("oci-layout"), "no OCI image layout: it has no oci-layout"),
    "another version": (bytes_of("oci-layout", b'{"imageLayoutVersion":"2.0.0"}'),
                        "an OCI image layout of version 2.0.0; ferry knows 1.0.0"),
    "no version": (bytes_of("oci-layout", b"{}"), "\"imageLayoutVersion\" is missing"),
    "a large oci-layout": (bytes_of("oci-layout", LAYOUT + b" " * 5000), "but 4096 is the limit"),
    "no index.json": (without("index.json"), "no OCI image layout: it has no index.json"),
    "index.json is none": (bytes_of("index.json", APP.manifest), "an image manifest instead of"),
    "index.json has a BOM": (bytes_of("index.json", b"\xef\xbb\xbf{}"), "index.json: "),
    "index.json has no image": (json_of("index.json", lambda i: i.update(manifests=[])),
                                "it holds no image"),
    "a digest with a path": (index(lambda e: e.update(digest="sha256:../../../../etc/passwd")),
                             "index.json: entry 1"),
    "a digest of another kind": (index(lambda e: e.update(digest="md5:" + "0" * 32)),
                                 "index.json: entry 1"),
    "a negative size": (index(lambda e: e.update(size=-1)), "index.json: entry 1"),
    "a size that lies": (index(lambda e: e.update(size=e["size"] + 1)),
                         f"manifest sha256:{hex_of(APP.manifest)}: it has"),
    "annotations of numbers": (
        index(lambda e: e.update(annotations={"io.containerd.image.name": 1})), "is no string"),
    "a manifest that is another": (bytes_of(MANIFEST, EVIL.manifest),
                                   f"its content is {digest_of(EVIL.manifest)}"),
    "a manifest that is missing": (without(MANIFEST), "it is not there"),
    "a config that is another": (bytes_of("blobs/sha256/" + CONFIG, EVIL.config), "config sha256:"),
    "a config that is missing": (without("blobs/sha256/" + CONFIG), "it is not there"),
    "a layer that is missing": (without(LAYER), "it is not there"),
    "a layer that is another": (bytes_of(LAYER, b"x" * len(APP.layers[1])), "sha256:"),
    "a layer that is cut off": (bytes_of(LAYER, APP.layers[1][:-1]), "sha256:"),
    "a layer with more behind": (bytes_of(LAYER, APP.layers[1] + b"x"), "sha256:"),
}


@pytest.mark.parametrize("edit, message", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path, edit, message):
    """The same in a folder and in an archive."""
    members = edit(oci(APP, WEB))
    refused(f"oci-archive:{save(tmp_path, tar(members))}", tmp_path, message)
    refused(f"oci:{unpack(members, tmp_path / 'layout')}", tmp_path, message)


@pytest.mark.parametrize("name", ["oci-layout", "index.json", "blobs", "blobs/sha256", MANIFEST,
                                  LAYER])
def test_links_in_a_folder(tmp_path, name):
    """Nothing in a layout is reached through a link, though it leads to the right place."""
    folder = unpack(oci(APP, WEB), tmp_path / "layout")
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    refused(f"oci:{folder}", tmp_path, "it is a link or no regular file; a layout has none")


def test_links_in_an_archive(tmp_path):
    """Docker's links between layers are Docker's: a layout has none."""
    members = oci(APP, WEB)
    find(members, LAYER).name = "blobs/sha256/elsewhere"
    members.append(Member(LAYER, kind=tarfile.SYMTYPE, target="elsewhere"))
    refused(f"oci-archive:{save(tmp_path, tar(members))}", tmp_path,
            "it is a link or no regular file; a layout has none")


def test_two_sides_that_disagree(tmp_path):
    """manifest.json says one image, index.json another of the same name."""
    members = docker_25(APP)
    members += [m for m in docker_25(EVIL) if m.name not in {n.name for n in members}]
    find(members, "index.json").data = find(docker_25(EVIL), "index.json").data
    refused(f"docker-archive:{save(tmp_path, tar(members))}", tmp_path,
            "its index.json and its manifest.json say two images of one name")


def test_a_fifo_in_a_folder(tmp_path):
    """Nobody waits for who will never write."""
    folder = unpack(oci(APP, WEB), tmp_path / "layout")
    (folder / LAYER).unlink()
    subprocess.run(["mkfifo", folder / LAYER], check=True)
    refused(f"oci:{folder}", tmp_path, "it is a link or no regular file")


# Bombs

def measured(path, folder):
    """Runs ferry with little memory; its text and the seconds it took."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    sanitized = "address" in program()
    began = time.monotonic()
    done = subprocess.run([program(), "pack", f"docker-archive:{path}", "-o", folder / "out"],
                          capture_output=True, text=True, env=environment(), timeout=PATIENCE,
                          preexec_fn=None if sanitized else limit, check=False)
    assert done.returncode == 1, done.stderr
    return done.stderr, time.monotonic() - began


def zstd_zeros(size, head):
    """Bytes and then so many zeros, as zstd packs them."""
    return subprocess.run(
        ["sh", "-c", f"(cat; head -c {size} /dev/zero) | zstd -qc --no-check"],
        input=head, stdout=subprocess.PIPE, check=True).stdout


def test_a_bomb_of_a_member(tmp_path):
    """A layer of 4 GiB of zeros in 130 KiB is given up on."""
    size = 4 << 30
    head = Member("layer.tar", size=size)
    path = save(tmp_path, zstd_zeros(size, tar([head], end=False)))
    assert path.stat().st_size < 1 << 20
    text, _ = measured(path, tmp_path)
    assert "it unpacks to more than 2000 times its size" in text


def test_a_bomb_behind_the_end(tmp_path):
    """Zeros behind the end are not read for ever."""
    path = save(tmp_path, zstd_zeros(4 << 30, WHOLE))
    text, seconds = measured(path, tmp_path)
    assert "something follows the end of the archive" in text
    assert seconds < 10


def test_a_million_members(tmp_path):
    """There is a limit to how many."""
    block = tar([Member("m" * 7)], end=False)
    members = bytearray()
    for number in range(1_000_002):
        header = bytearray(block)
        header[:7] = b"%07d" % number
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        members += header
    path = save(tmp_path, gzip.compress(bytes(members) + bytes(1024), 1))
    text, _ = measured(path, tmp_path)
    assert "more than 1000000 members" in text
