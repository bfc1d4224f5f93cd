"""Where a bundle goes: names that are taken, places that take none.

All of it is seen before a registry is asked for anything.
"""

import os
import subprocess

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_failed, assert_left, assert_packed, assert_told, told
from mishaps import bench_fixture  # noqa: F401

OLD = b"what somebody still needs\n"


def make_folder(path):
    path.mkdir()


def make_dangling(path):
    path.symlink_to(path.with_name("nowhere"))


def make_link(path):
    path.with_name("target").write_bytes(OLD)
    path.symlink_to("target")


def make_device(path):
    os.mknod(path, 0o20666, os.makedev(1, 3))


NO_FILES = {"a folder": make_folder, "a dangling link": make_dangling, "a link": make_link,
            "a device": make_device, "a FIFO": os.mkfifo}


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_left_alone(bench, kind, force):
    bench.add()
    NO_FILES[kind](bench.bundle)
    before = sorted((path.name, path.lstat().st_mode) for path in bench.out.iterdir())
    done = bench.pack("app:1", options=force)
    assert_told(done, 1, str(bench.bundle), "exists and is no regular file")
    assert sorted((path.name, path.lstat().st_mode) for path in bench.out.iterdir()) == before
    assert bench.server.requests == []


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_file_that_exists(bench, more):
    bench.add()
    bench.bundle.write_bytes(OLD)
    done = bench.pack("app:1", options=more)
    assert_told(done, 1, str(bench.bundle), "exists; --force replaces it")
    assert bench.bundle.read_bytes() == OLD
    assert bench.left() == [bench.bundle.name]
    assert bench.server.requests == []


def test_force_replaces_it(bench):
    bench.add()
    bench.bundle.write_bytes(OLD)
    assert_done(bench.pack("app:1", options=["--force"]))
    assert_packed(bench, bench.images)
    assert bench.left() == [bench.bundle.name]


def test_force_replaces_it_at_the_very_end(bench):
    """Until then the old one is whole, for whoever opens it."""
    image = bench.add(layers=[200_000, 100_000], layer_kind="tar")
    bench.bundle.write_bytes(OLD)
    seen = []

    def run(exchange):
        seen.append(bench.bundle.read_bytes())
        exchange.send(exchange.answer())

    for digest in [image.config, *(layer.digest for layer in image.layers)]:
        bench.server.fault("GET blob", act.Action("look", run), digest=digest)
    assert_done(bench.pack("app:1", options=["--force"]))
    assert seen == [OLD] * 3
    assert_packed(bench, bench.images)


@pytest.mark.parametrize("match", ["manifest", "GET blob"])
def test_a_failure_keeps_the_old_one(bench, match):
    layer = bench.add(layers=[200_000]).layers[0]
    bench.bundle.write_bytes(OLD)
    digest = layer.digest if match == "GET blob" else None
    bench.server.fault(match, act.wrong_length(body=-5), times=None, digest=digest)
    assert_told(bench.pack("app:1", options=["--force"]), 1)
    assert bench.bundle.read_bytes() == OLD
    assert bench.left() == [bench.bundle.name]


@pytest.mark.parametrize("force, status", [([], 1), (["--force"], 0)])
def test_a_file_that_appears_meanwhile(bench, force, status):
    """Not ours to overwrite, unless we were told to."""
    layer = bench.add(layers=[200_000]).layers[0]

    def run(exchange):
        bench.bundle.write_bytes(OLD)
        exchange.send(exchange.answer())

    bench.server.fault("GET blob", act.Action("appear", run), digest=layer.digest)
    done = bench.pack("app:1", options=force)
    assert done.returncode == status, told(done)
    assert_left(bench, done, [bench.bundle.name])
    if status:
        assert_told(done, 1, str(bench.bundle), "exists")
        assert bench.bundle.read_bytes() == OLD


PLACES = {
    "no such folder": ("no/b.tar.zst", ["the folder ", "/no does not exist"]),
    "a file for a folder": ("file/b.tar.zst", ["is no folder"]),
    "a file's folder": ("file/no/b.tar.zst", ["Not a directory"]),
    "the folder itself": ("", ["exists and is no regular file"]),
}


@pytest.mark.parametrize("name", PLACES)
def test_no_place(bench, name):
    bench.add()
    (bench.out / "file").write_bytes(OLD)
    path, words = PLACES[name]
    path = f"{bench.out}/{path}"
    done = bench.run("pack", "-o", path, bench.name("app:1"))
    assert_told(done, 1, path, *words)
    assert bench.left() == ["file"] and (bench.out / "file").read_bytes() == OLD
    assert bench.server.requests == []


@pytest.mark.parametrize("length", [300, 244])
def test_a_name_too_long(bench, length):
    """Of 244 bytes it would do, but not with .partial.old behind it."""
    bench.add()
    done = bench.run("pack", "-o", bench.out / ("n" * length), bench.name("app:1"))
    assert_failed(bench, done, "too long")
    assert bench.server.requests == []


def test_the_longest_name(bench):
    bench.add()
    assert_done(bench.run("pack", "-o", bench.out / ("n" * 243), bench.name("app:1")))


def immutable(folder):
    subprocess.run(["chattr", "+i", folder], check=True)
    return ["chattr", "-i", folder]


def mounted_read_only(folder):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", folder], check=True)
    return ["umount", folder]


@pytest.mark.parametrize("lock, words", [(immutable, "Operation not permitted"),
                                         (mounted_read_only, "Read-only file system")])
def test_a_folder_that_takes_no_files(bench, lock, words):
    bench.add()
    unlock = lock(bench.out)
    try:
        done = bench.pack("app:1")
    finally:
        subprocess.run(unlock, check=True)
    assert_failed(bench, done, str(bench.bundle), "its folder", words)
    assert bench.server.requests == []


def test_a_bare_name_goes_here(bench):
    bench.add()
    assert_done(bench.run("pack", "-o", "b.tar.zst", bench.name("app:1"), cwd=bench.out))
    assert_packed(bench, bench.images)


@pytest.mark.parametrize("more", [[], ["--json"], ["--quiet"]])
def test_a_dry_run_writes_nothing(bench, more):
    image = bench.add(layers=[100_000])
    done = bench.pack("app:1", options=["--dry-run", *more])
    assert_done(done)
    assert bench.left() == []
    blobs = [record.digest for record in bench.server.matching("GET blob")]
    assert blobs == [image.config]


def test_a_dry_run_says_what_is_refused(bench):
    bench.add(platforms=["linux/arm64"])
    done = bench.pack("app:1", options=["--dry-run"])
    assert_failed(bench, done, "1 of 1 image cannot be packed", status=4)


def test_the_plan_counts_only_what_could_be_packed(bench):
    """The sizes are of these images, so their number is, too."""
    bench.add(layers=[1000])
    bench.add("arm:1", platforms=["linux/arm64"])
    done = bench.pack("app:1", "arm:1")
    assert "\nplan: 1 of 2 images, 3 blobs, " in "\n" + done.stderr, told(done)
    assert_failed(bench, done, "1 of 2 images cannot be packed", status=4)


@pytest.mark.parametrize("kind, words", [("a dangling link", "is a symbolic link; remove it"),
                                         ("a link", "is a symbolic link; remove it"),
                                         ("a folder", "is no regular file; remove it"),
                                         ("a FIFO", "is no regular file; remove it")])
@pytest.mark.parametrize("suffix", [".partial", ".journal", ".partial.old", ".journal.old"])
def test_what_is_in_the_way_beside_it(bench, kind, words, suffix):
    bench.add()
    beside = bench.out / (bench.bundle.name + suffix)
    NO_FILES[kind](beside)
    before = bench.left()
    done = bench.pack("app:1")
    assert_told(done, 1, f"{beside} {words}")
    assert bench.left() == before
    assert bench.server.requests == []
