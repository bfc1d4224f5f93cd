"""`ferry load --to oci:DIR`: a layout that is made, or merged into one that is there."""

import fcntl
import hashlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from archives import (LAYER, OCI, Image, Member, descriptor, digest_of, hex_of, layer, oci, tar,
                      to_json)
from ferry import environment, program, run

A, B, C = layer("a"), layer("b"), layer("c")
APP = Image("docker.io/library/app:1", [A, B], packed=True)
WEB = Image("docker.io/acme/web:2", [A, C], packed=True)
NEW_APP = Image("docker.io/library/app:1", [A, C], packed=True)
INDEX_TYPE = OCI + "index.v1+json"
TEMPORARY = ".ferry-"


def pack(folder, *images, name="release"):
    """A bundle of these images."""
    archive, bundle = folder / f"{name}.tar", folder / f"{name}.tar.zst"
    archive.write_bytes(tar(oci(*images)))
    done = run("pack", f"oci-archive:{archive}", "-o", bundle, "--platform", "all", "--force")
    assert done.returncode == 0, done.stderr
    return bundle


@pytest.fixture(scope="module", name="bundle")
def bundle_fixture(tmp_path_factory):
    """Two images that share a layer."""
    return pack(tmp_path_factory.mktemp("oci-dir"), APP, WEB)


@pytest.fixture(name="place")
def place_fixture(tmp_path):
    """Where the layout will be."""
    return tmp_path / "layout"


def load(bundle, place, *options, status=0, **how):
    """Loads into the layout; returns what ferry tells: JSON, or its message."""
    done = run("load", bundle, "--to", f"oci:{place}", "--json", *options, **how)
    assert done.returncode == status, done.stderr
    return done.stderr if status else json.loads(done.stdout)


def states(told):
    return {image["name"]: image["state"] for image in told["images"]}


def index_of(place):
    return json.loads((place / "index.json").read_bytes())


def names(place):
    """{name: digest}, by the annotation that OCI's tools look for."""
    return {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
            for entry in index_of(place)["manifests"]}


def files(place):
    """All paths in the layout."""
    return {str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()}


def blobs_of(*images):
    return {"blobs/sha256/" + hex_of(data) for image in images
            for data in (*image.blobs, image.config, image.manifest)}


def assert_whole(place, *images):
    """A valid layout of these images at least: what is named is there, and right."""
    assert json.loads((place / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    for image in images:
        assert names(place)[image.name] == digest_of(image.manifest)
        assert blobs_of(image) <= files(place)
    for path in (place / "blobs" / "sha256").iterdir():
        if not path.name.startswith(TEMPORARY):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def test_it_is_made(bundle, place, tmp_path):
    """Nothing but the layout, and ferry packs the same bundle from it."""
    told = load(bundle, place)
    assert states(told) == {"app:1": "done", "acme/web:2": "done"}
    assert files(place) == {"oci-layout", "index.json", *blobs_of(APP, WEB)}
    assert_whole(place, APP, WEB)
    for entry in index_of(place)["manifests"]:
        assert entry["platform"] == {"os": "linux", "architecture": "amd64"}
        assert len(set(entry["annotations"].values())) == 1
    again = tmp_path / "again.tar.zst"
    assert run("pack", f"oci:{place}", "-o", again).returncode == 0
    assert again.read_bytes() == bundle.read_bytes()


def test_the_second_time_nothing_is_written(bundle, place):
    load(bundle, place)
    before = {path: path.stat() for path in place.rglob("*")}
    told = load(bundle, place)
    assert states(told) == {"app:1": "present", "acme/web:2": "present"}
    assert told["sent"] == 0
    assert {path: path.stat() for path in place.rglob("*")}.keys() == before.keys()
    assert all(path.stat().st_ino == status.st_ino and path.stat().st_mtime == status.st_mtime
               for path, status in before.items())


def test_an_empty_folder_will_do(bundle, place):
    place.mkdir()
    load(bundle, place)
    assert_whole(place, APP, WEB)


def test_a_slash_behind_it(bundle, place):
    """As a shell completes it, whether it is there or not."""
    for _ in range(2):
        load(bundle, f"{place}//")
        assert_whole(place, APP, WEB)


def test_dry_run_changes_nothing(bundle, place, tmp_path):
    """It tells what is there, what there is room for, and makes no folder."""
    told = load(bundle, place, "--dry-run")
    assert states(told) == {"app:1": "pending", "acme/web:2": "pending"}
    assert told["plan"]["needed_bytes"] == told["plan"]["blob_bytes"]
    assert not place.exists()
    load(pack(tmp_path, WEB), place)
    told = load(bundle, place, "--dry-run")
    assert states(told) == {"app:1": "pending", "acme/web:2": "present"}
    assert 0 < told["plan"]["needed_bytes"] < told["plan"]["blob_bytes"]
    assert "a load reads all of it" in told["images"][0]["note"]
    assert names(place) == {WEB.name: digest_of(WEB.manifest)}


FOREIGN = [
    {"mediaType": INDEX_TYPE, "digest": "sha512:" + "ab" * 64, "size": 7},
    {**descriptor("application/x.thing", b"thing"), "data": "dGhpbmc=", "unknown": [1, 2.5, None],
     "annotations": {"org.opencontainers.image.ref.name": "1", "else": "\u00fc\u20ac"}},
    {**descriptor(OCI + "manifest.v1+json", WEB.manifest),
     "annotations": {"org.opencontainers.image.ref.name": "docker.io/library/other:1"}},
]


def foreign_layout(place, entries, **fields):
    """A layout that others made; returns its index.json as it was."""
    index = {"schemaVersion": 2, "manifests": entries, **fields}
    for member in (*oci(WEB), Member("blobs/sha512/" + "ab" * 64, b"{}")):
        path = place / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not member.name.endswith("/"):
            path.write_bytes(member.data)
    (place / "index.json").write_text(json.dumps(index, indent=3), encoding="utf-8")
    return index


def test_what_others_wrote_stays(bundle, place):
    """Unknown fields, digests of other algorithms, annotations, the order, other files."""
    (place / "own").mkdir(parents=True)
    (place / "own" / "notes").write_text("mine")
    before = foreign_layout(place, FOREIGN, annotations={"a": "b"}, more={"x": [True]})
    load(bundle, place)
    after = index_of(place)
    assert after["manifests"][:3] == before["manifests"]
    assert [entry["digest"] for entry in after["manifests"][3:]] == [
        digest_of(WEB.manifest), digest_of(APP.manifest)]
    del after["manifests"], before["manifests"]
    assert after == before
    assert (place / "own" / "notes").read_text() == "mine"
    assert (place / "blobs" / "sha512" / ("ab" * 64)).read_bytes() == b"{}"


@pytest.mark.parametrize("manifests", [None, []])
def test_go_writes_null(bundle, place, manifests):
    foreign_layout(place, manifests)
    load(bundle, place)
    assert_whole(place, APP, WEB)


def test_a_name_that_stood_for_something_else(bundle, place, tmp_path):
    """It says for what; the name keeps its place, and the old blobs stay."""
    load(bundle, place)
    told = load(pack(tmp_path, NEW_APP), place)
    assert told["images"][0]["note"] == f"it was {digest_of(APP.manifest)}, whose blobs stay"
    assert_whole(place, NEW_APP, WEB)
    assert blobs_of(APP) <= files(place)
    assert len(index_of(place)["manifests"]) == 2


def test_a_name_that_is_there_twice(bundle, place):
    """By either annotation, a platform each, as some tools write it: one is left."""
    name = {"io.containerd.image.name": APP.name, "org.opencontainers.image.ref.name": "1"}
    twice = [{**descriptor(OCI + "manifest.v1+json", b"one"), "annotations": name},
             FOREIGN[0],
             {**descriptor(OCI + "manifest.v1+json", b"two"),
              "annotations": {"org.opencontainers.image.ref.name": APP.name}}]
    foreign_layout(place, twice)
    told = load(bundle, place)
    notes = {image["name"]: image["note"] for image in told["images"]}
    assert notes == {"app:1": f"it was {digest_of(b'one')}, whose blobs stay", "acme/web:2": ""}
    digests = [entry["digest"] for entry in index_of(place)["manifests"]]
    assert digests == [digest_of(APP.manifest), FOREIGN[0]["digest"], digest_of(WEB.manifest)]


def test_nested_indexes_keep_their_bytes(place, tmp_path):
    """The name stands for the index; all children are there."""
    arm = Image(APP.name, [A, C], architecture="arm64", packed=True)
    children = [{**descriptor(OCI + "manifest.v1+json", image.manifest),
                 "platform": {"os": "linux", "architecture": image.architecture}}
                for image in (APP, arm)]
    nested = to_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": children,
                      "annotations": {"kept": "as it is"}})
    members = {member.name: member for member in oci(APP, arm)}
    members["blobs/sha256/" + hex_of(nested)] = Member("blobs/sha256/" + hex_of(nested), nested)
    members["index.json"] = Member("index.json", to_json({
        "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
            {**descriptor(INDEX_TYPE, nested),
             "annotations": {"org.opencontainers.image.ref.name": APP.name}}]}))
    archive, bundle = tmp_path / "n.tar", tmp_path / "n.tar.zst"
    archive.write_bytes(tar(members.values()))
    assert run("pack", f"oci-archive:{archive}", "--platform", "all",
               "-o", bundle).returncode == 0
    told = load(bundle, place)
    assert [image["state"] for image in told["images"]] == ["done", "done"]
    assert names(place) == {APP.name: digest_of(nested)}
    assert (place / "blobs" / "sha256" / hex_of(nested)).read_bytes() == nested
    assert blobs_of(APP, arm) <= files(place)


def test_another_machine_is_no_reason(place, tmp_path):
    """A folder runs nothing: no --any-host is needed."""
    arm = Image("docker.io/library/app:1", [A], architecture="s390x", packed=True)
    assert load(pack(tmp_path, arm), place)["platform"] == "any"
    assert_whole(place, arm)


def test_an_architecture_by_another_name(place, tmp_path):
    """A config may say what machines call it; the bundle says the same, and is no worse for it."""
    image = Image("docker.io/library/app:1", [A], architecture="x86_64", packed=True)
    bundle = pack(tmp_path, image)
    done = run("verify", bundle)
    assert done.returncode == 0, done.stderr
    load(bundle, place)
    assert_whole(place, image)


@pytest.mark.parametrize("harm, why", [
    (lambda path: path.write_bytes(path.read_bytes().swapcase()), "instead of sha256:"),
    (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes instead of"),
    (lambda path: path.write_bytes(b""), "bytes instead of"),
    (lambda path: path.unlink() or path.symlink_to("/etc/hostname"), "a link or no regular file"),
    (lambda path: path.unlink() or os.mkfifo(path), "a link or no regular file"),
])
@pytest.mark.parametrize("which", [APP.blobs[0], APP.manifest], ids=["layer", "manifest"])
def test_a_blob_that_is_not_what_it_is_called(bundle, place, harm, why, which):
    """It is replaced, with a word; where a link leads, nothing is written."""
    load(bundle, place)
    before = Path("/etc/hostname").read_bytes()
    damaged = place / "blobs" / "sha256" / hex_of(which)
    harm(damaged)
    done = run("load", bundle, "--to", f"oci:{place}")
    assert done.returncode == 0, done.stderr
    notice = next(line for line in done.stderr.splitlines() if "is replaced" in line)
    assert str(damaged) in notice and why in notice
    assert damaged.read_bytes() == which and not damaged.is_symlink()
    assert Path("/etc/hostname").read_bytes() == before
    assert_whole(place, APP, WEB)


def link_instead(name):
    """Has somebody put a link to a folder outside in the place of one inside."""
    def harm(place):
        outside = place.parent / "outside"
        shutil.move(place / name, outside) if (place / name).is_dir() else outside.mkdir()
        (place / name).symlink_to(outside)
    return harm


def link_to_file(name):
    def harm(place):
        (place / name).rename(place / "elsewhere")
        (place / name).symlink_to("elsewhere")
    return harm


def write(name, text):
    return lambda place: (place / name).write_text(text)


def entries(*some):
    return json.dumps({"schemaVersion": 2, "manifests": some})


NAMED = {**descriptor("a/b", b""), "annotations": {"org.opencontainers.image.ref.name": 7}}
REFUSED = {
    "version": (write("oci-layout", '{"imageLayoutVersion":"2.0.0"}'), "of version 2.0.0"),
    "no version": (write("oci-layout", "{}"), '"imageLayoutVersion" is missing'),
    "layout": (write("oci-layout", "x" * 5000), "5000 bytes, but 4096 is the limit"),
    "blobs": (link_instead("blobs"), "blobs: it is a link or no folder"),
    "sha256": (link_instead("blobs/sha256"), "blobs/sha256: it is a link or no folder"),
    "index link": (link_to_file("index.json"), "index.json: it is a link or no regular file"),
    "empty": (write("index.json", "{}"), "index.json: "),
    "cut": (write("index.json", '{"schemaVersion":2,'), "index.json: no valid JSON"),
    "twice": (write("index.json", '{"schemaVersion":2,"manifests":[],"manifests":[]}'),
              "duplicate"),
    "manifest": (write("index.json", '{"schemaVersion":2,"layers":[],"config":{}}'),
                 "an image manifest instead of an index"),
    "both": (write("index.json", '{"schemaVersion":2,"layers":[],"manifests":[]}'),
             "an index as well as an image"),
    "spelling": (write("index.json", '{"schemaVersion":2,"manifests":[],"Manifests":[]}'),
                 '"Manifests" would be taken for'),
    "entry": (write("index.json", entries(7)), "entry 1 of the index: it is no object"),
    "digest": (write("index.json", entries({"size": 1})), '"digest" is missing'),
    "annotations": (write("index.json", entries({**descriptor("a/b", b""), "annotations": []})),
                    '"annotations" is no object'),
    "name": (write("index.json", entries(NAMED)), "is no string"),
    "deep": (write("index.json", '{"schemaVersion":2,"manifests":[],"x":' + "[" * 90 + "]" * 90
                   + "}"), "levels deep"),
    "large": (write("index.json", entries() + " " * (8 << 20)), "is the limit"),
    "many": (write("index.json", entries(*[descriptor("a/b", b"")] * 4095)),
             "4097 entries, but 4096 is the limit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_layout_that_is_refused(bundle, place, case):
    """By what is wrong with it; it stays as it is, but for blobs that nobody names."""
    harm, why = REFUSED[case]
    foreign_layout(place, [])
    harm(place)
    index = (place / "index.json").read_bytes()
    assert why in load(bundle, place, status=1)
    assert (place / "index.json").read_bytes() == index
    assert not [path for path in place.parent.rglob(TEMPORARY + "*")]


def test_what_is_no_layout(bundle, tmp_path):
    """A file, a folder with other things, one that cannot be made, a name in the path."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("x")
    assert "it is no folder" in load(bundle, tmp_path / "file", status=1)
    assert "other things in it" in load(bundle, tmp_path / "home", status=1)
    assert os.listdir(tmp_path / "home") == ["letter"]
    assert "does not exist" in load(bundle, tmp_path / "a" / "b", status=1)
    assert "without a colon" in load(bundle, tmp_path / "a:1", status=2)
    assert "'oci:' is no target" in load(bundle, "", status=2)


@pytest.fixture(name="open_folder")
def open_folder_fixture(bundle):
    """A folder that everybody may reach, with the bundle and ferry in it."""
    folder = Path(tempfile.mkdtemp(prefix="ferry-oci-", dir="/var/tmp"))
    folder.chmod(0o755)
    for path in (bundle, program()):
        shutil.copy(path, folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to become somebody else")
@pytest.mark.parametrize("inside", ["", "blobs/sha256"])
def test_no_permission(bundle, open_folder, inside):
    """Told before anything is written."""
    place = open_folder / "layout"
    load(bundle, place)
    if inside:
        for path in (place, place / "blobs"):
            os.chown(path, 65534, 65534)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", open_folder / Path(program()).name,
         "load", open_folder / bundle.name, "--to", f"oci:{place}"], env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert f"{place / inside}: Permission denied" in done.stderr.replace("/: ", ": ")


def test_one_at_a_time(bundle, place):
    """Another ferry that writes it is left alone."""
    load(bundle, place)
    fd = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert f"{place}: another ferry is writing it" in load(bundle, place, status=1)
        assert states(load(bundle, place, "--dry-run"))["app:1"] == "present"
    finally:
        os.close(fd)
    load(bundle, place)


def start(bundle, place, *options):
    return subprocess.Popen([program(), "load", bundle, "--to", f"oci:{place}", *options],
                            env=environment(), stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def test_many_at_once(place, tmp_path):
    """Each either does its part or is refused; no name of those that were done is lost."""
    images = [Image(f"docker.io/library/n{i}:1", [layer(str(i))], packed=True) for i in range(6)]
    bundles = [pack(tmp_path, image, name=f"n{i}") for i, image in enumerate(images)]
    left = dict(zip(bundles, images))
    while left:
        running = {bundle: start(bundle, place) for bundle in left}
        for bundle, child in running.items():
            _, told = child.communicate(timeout=60)
            assert child.returncode == 0 or "another ferry is writing it" in told
            if child.returncode == 0:
                left.pop(bundle)
    assert_whole(place, *images)


def large_image(name, count=24, size=300_000):
    """An image of many layers that take a while."""
    layers = [tar([Member(f"{name}-{i}", random.Random(f"{name}{i}").randbytes(size))])
              for i in range(count)]
    return Image(f"docker.io/library/{name}:1", layers, packed=True)


def test_killed_at_any_moment(place, tmp_path):
    """What was there is there all the time; the same command finishes."""
    large = large_image("large")
    old = Image(large.name, [A], packed=True)
    load(pack(tmp_path, old, WEB, name="old"), place)
    bundle = pack(tmp_path, large, name="new")
    index = (place / "index.json").read_bytes()
    blobs = place / "blobs" / "sha256"
    killed = 0
    for wanted in (0, 1, 2, 4, 7, 11, 16, 21, 25, 26):
        child = start(bundle, place, "--jobs", "1")
        base = len(blobs_of(old, WEB))
        while child.poll() is None and len(os.listdir(blobs)) < base + wanted:
            time.sleep(0.0002)
        child.kill()
        child.communicate()
        if child.returncode < 0:
            killed += 1
        if (place / "index.json").read_bytes() == index:
            assert_whole(place, old, WEB)
        else:
            assert_whole(place, large, WEB)
    assert killed >= 5
    load(bundle, place)
    assert_whole(place, large, WEB)
    assert not [name for name in files(place) if TEMPORARY in name]


def test_leftovers_go(bundle, place):
    """Of a run that was killed, in a folder that is no layout yet."""
    place.mkdir()
    (place / ".ferry-oci-layout").write_text("{")
    load(bundle, place)
    (place / "blobs" / "sha256" / (TEMPORARY + "0" * 64)).write_text("x")
    (place / ".ferry-index.json").write_text("x")
    load(bundle, place)
    assert files(place) == {"oci-layout", "index.json", *blobs_of(APP, WEB)}


@pytest.fixture(name="disk")
def disk_fixture(tmp_path):
    """disk(options): a file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
        return place / "layout"
    yield mount
    subprocess.run(["umount", place], check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to mount")
def test_a_disk_that_is_too_small(disk, tmp_path):
    """Told before anything is written."""
    place = disk("size=512k")
    told = load(pack(tmp_path, large_image("large", 4)), place, status=1)
    assert f"{place}: 1.1 MiB are to be written there, and 512 KiB are free" in told
    assert not place.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to mount")
def test_a_disk_that_fills_up(disk, tmp_path):
    """The file is named, the old release stays; with room, the same command finishes."""
    place = disk("size=8m,nr_inodes=17")
    load(pack(tmp_path, WEB, name="old"), place)
    index = (place / "index.json").read_bytes()
    bundle = pack(tmp_path, large_image("large", 8, 1000))
    told = load(bundle, place, status=1)
    assert f"{place}/" in told and "No space left on device" in told
    assert (place / "index.json").read_bytes() == index
    assert_whole(place, WEB)
    subprocess.run(["mount", "-o", "remount,size=8m,nr_inodes=100", place.parent], check=True)
    load(bundle, place)
    assert_whole(place, WEB)
    assert len(names(place)) == 2


def test_a_damaged_bundle(bundle, place, tmp_path):
    """Nothing of the image is under its name; what others have is."""
    data = bytearray(bundle.read_bytes())
    at = data.index(APP.blobs[1])
    data[at + 30] ^= 1
    broken = tmp_path / "broken.tar.zst"
    broken.write_bytes(data)
    told = load(broken, place, status=3)
    assert f"app:1: blob {digest_of(APP.blobs[1])}: " in told
    assert "the bundle is damaged" in told
    assert names(place) == {WEB.name: digest_of(WEB.manifest)}
    assert hex_of(APP.blobs[1]) not in "".join(files(place))
    assert_whole(place, WEB)
    load(bundle, place)
    assert_whole(place, APP, WEB)


def test_only_one_of_them(bundle, place):
    load(bundle, place, "--only", "app:1")
    assert names(place) == {APP.name: digest_of(APP.manifest)}
    assert files(place) == {"oci-layout", "index.json", *blobs_of(APP)}
    assert LAYER + "+gzip" in json.loads(APP.manifest)["layers"][0]["mediaType"]


def test_through_a_pipe(bundle, place):
    """What is there is read from the disk, and the pipe to its end."""
    for state in ("done", "present"):
        with open(bundle, "rb") as stream:
            done = subprocess.run([program(), "load", "-", "--to", f"oci:{place}", "--json"],
                                  stdin=stream, env=environment(), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=False)
        assert done.returncode == 0, done.stderr.decode()
        assert set(states(json.loads(done.stdout)).values()) == {state}
        assert_whole(place, APP, WEB)
