"""Bundles that are damaged, hostile, or none.

Whatever is wrong, ferry ends with status 3 and says what is wrong with which
part; nothing becomes visible in the target; it takes no time, and no sanitizer
has anything to say.
"""

import bz2
import dataclasses
import gzip
import io
import lzma
import os
import random
import re
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

import hostile  # noqa: E402
import hostile_nested  # noqa: E402, F401  pylint: disable=unused-import
from bundles import LAYOUT, gzip_layer, image, member, noise, write, zstd  # noqa: E402
from edits import same_size  # noqa: E402
from faulty import FaultyRegistry  # noqa: E402
from ferry import run  # noqa: E402
from hostile import APP, OTHER, PLAIN  # noqa: E402

PATIENCE = 20           # seconds for one run, by a sanitizer on a busy machine
FAILED, DAMAGED = 1, 3
JOBS = 2                # programs at once
CUTS, FLIPS = 200, 500
SEED = 20240229


@pytest.fixture(name="registry", scope="module")
def registry_fixture():
    """A registry that takes what is pushed."""
    with FaultyRegistry() as server:
        yield server


@pytest.fixture(name="target")
def target_fixture(registry):
    """The same, empty."""
    registry.store.repos.clear()
    registry.store.content.clear()
    return registry


def ferry(*args):
    """Runs ferry; whatever it thinks of a bundle, it must behave."""
    done = run(*args, timeout=PATIENCE)
    text = done.stdout + done.stderr
    assert done.returncode in (0, FAILED, DAMAGED), text
    assert not re.search("Sanitizer|runtime error|Assertion|Traceback", text), text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), ascii(text)
    return done


def at_once(function, items):
    """function(item) for each, some at a time; their results in order."""
    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(function, items))


def load(bundle, target):
    return ferry("load", bundle, "--to", target.host, "--any-host", "--retries", "0", "--quiet")


def visible(server):
    """What somebody who pulls would see: tags and manifests by repository."""
    return {name: (dict(repo.tags), set(repo.manifests))
            for name, repo in server.store.repos.items() if repo.tags or repo.manifests}


def tags_of(images):
    """What is visible when images have been loaded: their manifests, exactly."""
    wanted = {}
    for each in images:
        repo, tag = each.name.removeprefix("docker.io/library/").split(":")
        tags, manifests = wanted.setdefault(repo, ({}, set()))
        tags[tag] = each.whole
        manifests |= {each.digest, each.whole}
    return wanted


def expect_refusal(done, path, says):
    assert done.returncode == DAMAGED, done
    assert str(path) in done.stderr, done
    for piece in says:
        assert piece in done.stderr, (piece, done.stderr)


def expect_success(done):
    assert (done.returncode, done.stderr) == (0, ""), done


# What is wrong on purpose

@pytest.mark.parametrize("case", hostile.CASES, ids=lambda case: case.name)
def test_hostile(case, target, tmp_path):
    path = tmp_path / "bundle"
    path.write_bytes(case.write().data)
    verified, listed, inspected = at_once(lambda command: ferry(command, path),
                                          ["verify", "list", "inspect"])
    loaded = load(path, target)
    runs = [(verified, hostile.VERIFY, case.says), (listed, hostile.OPEN, case.says),
            (inspected, hostile.IMAGES, case.says),
            (loaded, hostile.BLOBS, case.load_says or case.says)]
    for done, level, says in runs:
        if case.seen_by <= level:
            expect_refusal(done, path, says)
        else:
            expect_success(done)
    loads = tags_of(case.loads or case.images)
    assert visible(target) == (loads if case.seen_by > hostile.BLOBS else {})


def test_one_image_of_two(target, tmp_path):
    """What is whole may go; what is damaged is named, and stays away."""
    path = tmp_path / "bundle"
    images = [APP, OTHER]
    path.write_bytes(write(images, runs=same_size(6)).data)
    verified, loaded = ferry("verify", path), load(path, target)
    digest = OTHER.layers[1].descriptor["digest"]
    expect_refusal(verified, path, ("other:2", digest, "its content is sha256:"))
    assert "app:1" not in verified.stderr
    expect_refusal(loaded, path, ("damaged: 1 of 2 images not in place",))
    assert f"other:2: blob {digest}: its content is" in loaded.stderr
    assert visible(target) == tags_of([APP])


def test_names_do_not_multiply_a_config(target, tmp_path):
    """A name costs a hundred bytes; it must not cost the reader a large config each time."""
    path = tmp_path / "bundle"
    large = image("docker.io/library/n0000:1", APP.layers,
                  config=lambda config: {**config, "author": "x" * 200_000})
    path.write_bytes(write([dataclasses.replace(large, name=f"docker.io/library/n{i:04}:1")
                            for i in range(1000)]).data)
    for done in (ferry("verify", path), load(path, target)):
        expect_refusal(done, path, ("too many large manifests and configs",))
    assert visible(target) == {}


def test_what_two_images_share(target, tmp_path):
    path = tmp_path / "bundle"
    path.write_bytes(write([APP, OTHER], runs=same_size(4)).data)
    expect_refusal(ferry("verify", path), path, ("app:1 and 1 more", "its content is sha256:"))
    expect_refusal(load(path, target), path, ("app:1", "its content is sha256:"))
    assert visible(target) == {}


def test_many_blobs(tmp_path):
    """Damages are told in the order of the file, however many threads look."""
    layers = [gzip_layer(str(number), 100) for number in range(30)]
    path = tmp_path / "bundle"
    path.write_bytes(write([image(APP.name, layers)], runs=lambda runs: [
        same_size(number)(runs) for number in range(2, len(runs))] and None).data)
    for _ in range(5):
        done = ferry("verify", path)
        expect_refusal(done, path, ("damaged in 30 places",))
        assert re.findall(r"app:1: (sha256:\w+): ", done.stderr) == [
            layer.descriptor["digest"] for layer in layers]


def test_more_damages_than_are_told(tmp_path):
    layers = [gzip_layer(str(number), 10) for number in range(1001)]
    path = tmp_path / "bundle"
    path.write_bytes(write([image(APP.name, layers)], runs=lambda runs: [
        same_size(number)(runs) for number in range(2, len(runs))] and None).data)
    done = ferry("verify", path)
    expect_refusal(done, path, ("damaged in 1000 places or more",))
    assert len(done.stderr.splitlines()) == 1001


def test_a_missing_image_is_no_matter_of_the_others(target, tmp_path):
    """--only asks for nothing but what it names."""
    path = tmp_path / "bundle"
    path.write_bytes(write([APP, OTHER], runs=same_size(6)).data)
    expect_success(ferry("load", path, "--to", target.host, "--any-host", "--quiet", "--only",
                         APP.name))
    assert visible(target) == tags_of([APP])


# What happens to files on their way

@pytest.fixture(name="good", scope="module")
def good_fixture():
    """A bundle with all that there is: shared layers, plain layers, three images."""
    return write([APP, OTHER, PLAIN])


@pytest.fixture(name="verify")
def verify_fixture(tmp_path):
    """verify(some bytes as a bundle), from several threads."""
    def verify(numbered):
        number, data = numbered
        path = tmp_path / f"bundle-{number}"
        path.write_bytes(data)
        done = ferry("verify", path)
        path.unlink()
        return done
    return verify


def test_the_good_one_is_good(good, verify, target, tmp_path):
    expect_success(verify((0, good.data)))
    path = tmp_path / "bundle"
    path.write_bytes(good.data)
    expect_success(load(path, target))
    assert visible(target) == tags_of(good.images)


def cuts(good):
    """Borders of frames, what is around them, the last bytes; then by chance."""
    size = len(good.data)
    borders = {end + around for _, _, end in good.regions for around in (-1, 0, 1)}
    chosen = sorted(at for at in borders | {size - 1, size - 2, 0} if at < size)
    rest = [at for at in range(1, size) if at not in borders]
    return sorted(chosen + random.Random(SEED).sample(rest, CUTS - len(chosen)))


def test_every_cut_is_seen(good, verify):
    places = cuts(good)
    assert len(set(places)) == CUTS
    for at, done in zip(places, at_once(verify, [(at, good.data[:at]) for at in places])):
        expect_refusal(done, f"bundle-{at}", ())


def test_a_cut_bundle_is_not_loaded(good, target, tmp_path):
    """Whole images are loaded even if the seek table is cut; nothing else is."""
    path = tmp_path / "bundle"
    for _, _, end in good.regions[:-1]:
        path.write_bytes(good.data[:end - 1])
        expect_refusal(load(path, target), path, ())
        assert visible(target) == {}
    path.write_bytes(good.data[:-1])
    expect_success(load(path, target))
    assert visible(target) == tags_of(good.images)


def flips(good):
    """(region, byte, bit): as many in each region, by chance."""
    chance = random.Random(SEED)
    for number in range(FLIPS):
        name, begin, end = good.regions[number % len(good.regions)]
        yield name, chance.randrange(begin, end), chance.randrange(8)


def flipped(data, at, bit):
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]


def test_every_flip_is_seen(good, verify):
    """And whose blob it was is said."""
    places = list(flips(good))
    changed = [(number, flipped(good.data, at, bit))
               for number, (_, at, bit) in enumerate(places)]
    for (number, _), (region, *_), done in zip(changed, places, at_once(verify, changed)):
        expect_refusal(done, f"bundle-{number}", [region] if ":" in region else [])
        if ":" in region:
            owners = [name.rpartition("/")[2] for name in good.owners(region)]
            assert any(owner + ":" in done.stderr or owner + " and " in done.stderr
                       for owner in owners), (region, done.stderr)


# What is no bundle

def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("oci-layout", LAYOUT)
    return out.getvalue()


BUNDLE = write([APP]).data
TAR = member("oci-layout", LAYOUT) + b"\0" * 1024
NO_BUNDLES = {
    "empty": (b"", "no bundle: it is empty"),
    "gzip": (gzip.compress(TAR), "no bundle of ferry's: it is a gzip file"),
    "xz": (lzma.compress(TAR), "no bundle of ferry's: it is an xz file"),
    "bzip2": (bz2.compress(TAR), "no bundle of ferry's: it is a bzip2 file"),
    "zip": (zipped(), "no bundle of ferry's: it is a zip file"),
    "tar": (TAR, "no bundle of ferry's: it is a plain tar file"),
    "zstd": (zstd.frame(TAR), "no bundle of ferry's: it is another zstd file"),
    "gzip of a bundle": (gzip.compress(BUNDLE), "no bundle of ferry's: it is a gzip file"),
    "text": (b"hello\n" * 1000, "no bundle"), "zeros": (b"\0" * 100000, "no bundle"),
    "noise": (noise("noise", 100000), "no bundle"),
    **{f"{size} bytes": (BUNDLE[:size], "no bundle") for size in range(1, 10)},
    "10 bytes": (BUNDLE[:10], "cut off at byte 10"),    # enough to know what it was
    **{f"{size} other bytes": (b"?" * size, "no bundle") for size in range(1, 11)},
}
COMMANDS = (("verify",), ("list",), ("inspect",), ("load", "--to", "127.0.0.1:1", "--any-host"))


@pytest.mark.parametrize("name", NO_BUNDLES)
def test_no_bundle(name, tmp_path):
    data, says = NO_BUNDLES[name]
    path = tmp_path / "bundle"
    path.write_bytes(data)
    for command, *options in COMMANDS:
        expect_refusal(ferry(command, path, *options), path, [says])


def make_nothing(_path):
    pass


NO_FILES = {
    "missing": (make_nothing, "no such file"),
    "a folder": (os.mkdir, "not a regular file"),
    "a FIFO": (os.mkfifo, "not a regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    "a loop of links": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "no such file"),
}


@pytest.mark.parametrize("name", NO_FILES)
def test_no_file(name, tmp_path):
    """Nothing was read, so nothing is damaged: another status."""
    make, says = NO_FILES[name]
    path = tmp_path / "bundle"
    make(path)
    for command, *options in COMMANDS:
        if (name, command) == ("a FIFO", "load"):   # which waits for who fills it: test_pipe.py
            continue
        done = ferry(command, path, *options)
        assert done.returncode == FAILED and f"{path}: " in done.stderr and says in done.stderr


def test_a_file_in_no_folder(tmp_path):
    """What is said of the path shows no escapes of the terminal."""
    done = ferry("verify", tmp_path / "\x1b[31mred" / "bundle")
    assert done.returncode == FAILED and "\\x1b[31mred/bundle" in done.stderr


def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "bundle"
    path.write_bytes(BUNDLE)
    path.chmod(0)
    done = ferry("verify", path)
    if os.geteuid() == 0:       # who may read anything
        assert done.returncode == 0
    else:
        assert done.returncode == FAILED and f"{path}: open: Permission denied" in done.stderr


def test_a_link_to_a_bundle(target, tmp_path):
    (tmp_path / "bundle").write_bytes(BUNDLE)
    path = tmp_path / "link"
    path.symlink_to("bundle")
    for command in ("verify", "list", "inspect"):
        expect_success(ferry(command, path))
    expect_success(load(path, target))
    assert visible(target) == tags_of([APP])
