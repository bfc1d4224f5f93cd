"""Disks that are full, or fill up; limits on files; and how much memory it takes."""

import contextlib
import os
import random
import subprocess
import time

import pytest

import faulty_actions as act
from faulty_images import Layer, digest_of
from ferry import environment, program
from mishaps import (assert_done, assert_failed, assert_left, assert_no_layer_pulled,
                     assert_packed, assert_told, is_sanitized, told)
from mishaps import bench_fixture  # noqa: F401


@contextlib.contextmanager
def disk(bench, size):
    """bench.out on a file system of its own, of this size."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", bench.out], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", bench.out], check=True)


@pytest.mark.parametrize("kind", ["gzip", "tar"])
def test_no_room_is_seen_in_the_plan(bench, kind):
    """Both sizes are named.  (Of plain layers, what they take at least is not known.)"""
    bench.add("app:1", layers=[900_000])
    bench.add("raw:1", layers=[10_000], layer_kind=kind)
    with disk(bench, "512k"):
        done = bench.pack("app:1", "raw:1")
        assert_failed(bench, done, str(bench.bundle), "the bundle takes ", " KiB, and 512 KiB",
                      "is free there", "nothing was pulled")
    assert_no_layer_pulled(bench.server)


def test_no_room_beside_the_old_one(bench):
    """The new one must fit while the old one still stands."""
    bench.add(layers=[900_000])
    with disk(bench, "1500k"):
        bench.bundle.write_bytes(b"x" * 700_000)
        done = bench.pack("app:1", options=["--force"])
        assert_told(done, 1, "the bundle takes", "is free there")
        assert bench.bundle.read_bytes() == b"x" * 700_000
        assert bench.left() == [bench.bundle.name]


def test_what_a_killed_run_left_is_room(bench):
    bench.add(layers=[900_000])
    with disk(bench, "1500k"):
        bench.bundle.with_name(bench.bundle.name + ".partial").write_bytes(b"x" * 1_200_000)
        assert_done(bench.pack("app:1"))
        assert bench.left() == [bench.bundle.name]


def fill(bench, leave):
    """Another writer takes the room, but for so much."""
    space = os.statvfs(bench.out)
    size = space.f_bavail * space.f_frsize - leave
    (bench.out / "rival").write_bytes(b"x" * max(size, 0))


def begun_slowly(bench):
    """A run in mid-work: its file is there, and its layers trickle in."""
    bench.server.fault("GET blob", act.trickle(20_000, 0.02), times=None)
    child = bench.start(*bench.pack_args("app:1"))
    while bench.bundle.name + ".partial" not in bench.left():
        assert child.poll() is None
        time.sleep(0.001)
    time.sleep(0.05)
    return child


def finish(child):
    child.stdout, child.stderr = child.communicate(timeout=60)
    return child


def test_room_that_was_reserved_stays_ours(bench):
    """Whoever comes later finds the disk full; we do not."""
    bench.add(layers=[300_000, 300_000])
    with disk(bench, "4m"):
        child = begun_slowly(bench)
        fill(bench, 0)
        assert_done(finish(child))
        assert_packed(bench, bench.images)
        assert bench.left() == [bench.bundle.name, "rival"]


def test_a_disk_that_fills_up(bench):
    """Room of plain layers is not reserved, as nobody knows yet how much it is."""
    bench.add(layers=[300_000, 300_000], layer_kind="tar")
    with disk(bench, "4m"):
        child = begun_slowly(bench)
        fill(bench, 50_000)
        done = finish(child)
        assert_told(done, 1, str(bench.bundle) + ".partial", "No space left on device")
        assert ": packed" not in done.stderr, told(done)
        assert_left(bench, done, ["rival"])


def limited(blocks):
    """The environment of somebody with `ulimit -f`, which counts KiB."""
    return ["bash", "-c", f'ulimit -f {blocks}; exec "$0" "$@"']


def run_limited(bench, blocks, *images):
    return subprocess.run([*limited(blocks), program(), *map(str, bench.pack_args(*images))],
                          capture_output=True, text=True, env=environment(bench.env()),
                          timeout=60, check=False)


def test_a_limit_on_files_is_seen_in_the_plan(bench):
    bench.add(layers=[900_000])
    done = run_limited(bench, 512, "app:1")
    assert_failed(bench, done, str(bench.bundle), "the bundle takes ", " KiB, and",
                  "file size limit (ulimit -f) allows 512 KiB", "nothing was pulled")
    assert_no_layer_pulled(bench.server)


def test_a_limit_on_files_that_shows_later(bench):
    """No SIGXFSZ ends us with a torn file."""
    bench.add(layers=[900_000], layer_kind="tar")
    done = run_limited(bench, 512, "app:1")
    assert_failed(bench, done, str(bench.bundle) + ".partial", "File too large")


def test_a_limit_that_suffices(bench):
    bench.add(layers=[400_000])
    assert run_limited(bench, 512, "app:1").returncode == 0
    assert_packed(bench, bench.images)


# memory

MEMORY = 64 << 20
LAYERS, LAYER = 9, 22 << 20


def big_layer(number):
    """Bytes that only look like a layer: nobody looks inside."""
    data = random.Random(number).randbytes(LAYER)
    return Layer(digest_of(data), len(data), digest_of(data), "gzip", data)


def most_memory(pid):
    """So far, of this program alone: rusage would count us, who began it."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            sizes = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    except OSError:
        sizes = []
    return int(sizes[0]) << 10 if sizes else 0


def resident(bench, *args):
    """Runs it; the most memory it had, in bytes."""
    child = bench.start(*args, "--quiet")
    most = 0
    while child.poll() is None:
        most = max(most, most_memory(child.pid))
        time.sleep(0.005)
    assert child.returncode == 0, child.stderr.read()
    assert most
    return most


@pytest.mark.parametrize("plain", [False, True])
def test_memory_does_not_grow_with_the_images(bench, plain):
    """200 MB of layers pass through 64 MiB, in both directions."""
    layers = [big_layer(number) for number in range(LAYERS)]
    bench.add("app:1", layers=layers[:-1])
    bench.add("db:1", layers=layers[-1:] + [LAYER] * plain, layer_kind="tar")
    packed = resident(bench, *bench.pack_args("app:1", "db:1"))
    for repo in bench.server.store.repos.values():
        repo.blobs.clear()
    loaded = resident(bench, *bench.load_args())
    if not is_sanitized():      # which keeps what was freed
        assert packed < MEMORY and loaded < MEMORY, (packed >> 20, loaded >> 20)
    assert bench.bundle.stat().st_size > LAYERS * LAYER
