"""Packs that do not finish, and the same command after them: docs/journal.md.

The registry counts what it sends, so what was pulled twice is known to the byte.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

import faulty_actions as act
from faulty import FaultyRegistry
from mishaps import (Bench, assert_done, assert_failed, assert_left, assert_packed, assert_told,
                     file_digest, told, unpack)

LAYERS = {"app:1": [700_000, 90, 300_000], "db:1": [500_000], "raw:1": [150_000, 60_000]}
ALL = [*LAYERS]
NEW = ["app:1", "db:1", "web:1"]     # another plan
PIECE, PAUSE = 20_000, 0.06     # a pause is longer than what is noted down at the latest
BURST, PIECE_NOTED = 200_000, 64 << 10
STALLED = 3 * PIECE             # sent, but not yet taken or noted when the kill comes
ADVICE = "the same command goes on there, --fresh starts anew"


class Resume(Bench):
    """A registry of some images, and what packing them at once makes."""

    def __init__(self, server, folder):
        super().__init__(server, folder)
        for name, layers in LAYERS.items():
            self.add(name, layers=layers, layer_kind="tar" if name == "raw:1" else "gzip")
        self.add("web:1", layers=[200_000])
        self.layers = {layer.digest for image in self.images.values() for layer in image.layers}
        self.undisturbed = {}

    def learn(self, *images):
        """What they make in one run."""
        assert_done(self.pack(*images))
        self.undisturbed[images] = file_digest(self.bundle)
        self.clean()

    def clean(self):
        """Nothing was ever packed, and the registry is well."""
        self.server.clear_faults()
        shutil.rmtree(self.out)
        self.out.mkdir()

    def total(self, *images):
        """Bytes of these images' layers."""
        return sum(layer.size for name in images for layer in self.images[name].layers)

    def pulled(self):
        """Bytes of layers that were sent, ever."""
        return sum(self.server.bytes_sent("GET blob", digest=digest) for digest in self.layers)

    def slow_down(self):
        self.server.fault("GET blob", act.trickle(PIECE, PAUSE), times=None)

    def begin(self, *images, options=()):
        return self.start(*self.pack_args(*images), *options)

    def end_at(self, size, *images, number=signal.SIGKILL, options=()):
        """A slow run, ended when so many bytes of layers have come; what has."""
        before = self.pulled()
        self.slow_down()
        child = self.begin(*images, options=options)
        while self.pulled() - before < size:
            assert child.poll() is None, "it was over too soon"
            time.sleep(0.002)
        time.sleep(PAUSE / 2)
        child.send_signal(number)
        child.stdout, child.stderr = child.communicate(timeout=30)
        self.server.clear_faults()
        time.sleep(2 * PAUSE)       # until the registry has seen that nobody listens
        child.pulled = self.pulled() - before
        return child

    def finish(self, *images, options=()):
        """Runs to its end; the bytes of layers that it took."""
        before = self.pulled()
        done = self.pack(*images, options=options)
        assert_done(done)
        assert file_digest(self.bundle) == self.undisturbed[images]
        assert self.left() == [self.bundle.name]
        done.pulled = self.pulled() - before
        return done

    def beside(self, suffix):
        return self.bundle.with_name(self.bundle.name + suffix)


@pytest.fixture(scope="module", name="resume_registry")
def resume_registry_fixture(tmp_path_factory):
    with FaultyRegistry(seed="resume") as server:
        bench = Resume(server, tmp_path_factory.mktemp("resume"))
        for images in (ALL, NEW, ["app:1"], ["raw:1"]):
            bench.learn(*images)
        yield bench


@pytest.fixture(name="packs")
def packs_fixture(resume_registry):
    resume_registry.clean()
    yield resume_registry
    resume_registry.end()
    resume_registry.clean()


def plan_of(bench, *images, options=()):
    """As --json has it."""
    done = bench.pack(*images, options=["--dry-run", "--json", *options])
    return json.loads(done.stdout)["plan"]


# killed

@pytest.mark.parametrize("jobs", [1, 8])
@pytest.mark.parametrize("size", [1, 100_000, 400_000, 800_000, 1_300_000, 1_600_000])
def test_killed_at(packs, size, jobs):
    """Of what had come, no more than what was under way comes again.

    (Of a layer that the bundle compresses, nothing counts before all of it is there.)
    """
    options = ["--jobs", jobs]
    killed = packs.end_at(size, *ALL, options=options)
    assert killed.returncode == -signal.SIGKILL
    assert packs.left() == packs.pair
    done = packs.finish(*ALL, options=options)
    plain = packs.total("raw:1") if size == 1_600_000 or jobs == 8 else 0
    again = killed.pulled + done.pulled - packs.total(*ALL)
    assert 0 <= again <= STALLED * jobs + plain, (killed.pulled, done.pulled)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random(packs, seed):
    """Wherever it hits, even while the plan is made or what is there is proved."""
    dice = random.Random(seed)
    for _ in range(5):
        packs.slow_down()
        child = packs.begin(*ALL)
        time.sleep(dice.uniform(0, 0.7))
        child.kill()
        child.communicate()
        packs.server.clear_faults()
    packs.finish(*ALL)


def asked_from(packs, seen, layer):
    """Where the Range of the layer's request began."""
    ranges = [record.headers.get("range") for record in packs.server.requests[seen:]
              if record.kind == "blob" and record.digest == layer.digest]
    return int(re.fullmatch(r"bytes=(\d+)-", ranges[0]).group(1))


def test_only_the_rest_is_asked_for(packs):
    """With Range, and nothing of what is there as a whole."""
    packs.end_at(400_000, "app:1", options=["--jobs", 1])
    seen = len(packs.server.requests)
    packs.finish("app:1")
    layers = packs.images["app:1"].layers
    asked = {record.digest: record.headers.get("range")
             for record in packs.server.requests[seen:] if record.kind == "blob"}
    assert abs(asked_from(packs, seen, layers[0]) - 400_000) <= STALLED
    assert asked[layers[1].digest] is None and asked[layers[2].digest] is None


def test_what_came_in_one_go_counts_but_for_the_last_piece(packs):
    """Faster than any clock, so that the number of bytes alone says when to note it down."""
    layer = packs.images["app:1"].layers[0]
    packs.server.fault("GET blob", act.stall(after=BURST), digest=layer.digest)
    before = packs.pulled()
    child = packs.begin("app:1", options=["--jobs", 1])
    while packs.pulled() - before < BURST:
        assert child.poll() is None, "it was over too soon"
        time.sleep(0.002)
    time.sleep(0.3)
    child.kill()
    child.communicate()
    packs.server.clear_faults()
    seen = len(packs.server.requests)
    packs.finish("app:1")
    assert BURST - PIECE_NOTED <= asked_from(packs, seen, layer) <= BURST


def test_a_registry_that_ignores_range(packs):
    """It comes again, but what is there is not spoilt."""
    packs.end_at(300_000, "app:1")
    packs.server.fault("GET blob", act.ignore_range(), times=None)
    packs.finish("app:1")


def test_the_plan_says_what_is_here(packs):
    whole = plan_of(packs, "app:1")
    assert whole["here_bytes"] == 0
    killed = packs.end_at(400_000, "app:1")
    before = packs.left()
    plan = plan_of(packs, "app:1")
    assert packs.left() == before
    assert plan["here_bytes"] + plan["pull_bytes"] == whole["pull_bytes"]
    assert killed.pulled - 8 * STALLED <= plan["here_bytes"] <= killed.pulled
    done = packs.pack("app:1", options=["--dry-run"])
    assert re.search(r"^  here +\d[\d.]* KiB already, from an unfinished run$", done.stdout, re.M)
    assert plan_of(packs, "app:1", options=["--fresh"])["here_bytes"] == 0
    assert packs.left() == before
    packs.finish("app:1")


# ended otherwise

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(packs, number):
    """It says what stays; nothing that had come comes again."""
    done = packs.end_at(400_000, *ALL, number=number)
    assert_told(done, 128 + number, "interrupted", "; what was pulled stays in ", ADVICE)
    assert_left(packs, done)
    again = done.pulled + packs.finish(*ALL).pulled - packs.total(*ALL)
    assert again <= STALLED * 8 + packs.total("raw:1")


def test_interrupted_before_anything_came(packs):
    packs.server.fault("GET blob", act.stall(), times=None)
    child = packs.begin("app:1")
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    child.stdout, child.stderr = child.communicate(timeout=30)
    assert child.stderr.splitlines()[-1] == "ferry: interrupted"
    assert packs.left() == []


def test_a_layer_that_cannot_be_had(packs):
    """Tomorrow only that one is pulled."""
    layer = packs.images["db:1"].layers[0]
    packs.server.fault("GET blob", act.status(500), times=None, digest=layer.digest)
    done = packs.pack(*ALL, options=["--jobs", 1], retries=0)
    assert_failed(packs, done, layer.digest, ADVICE)
    packs.server.clear_faults()
    packs.finish(*ALL)


def test_wrong_bytes_leave_nothing(packs):
    """What is not what was asked for is of no worth."""
    packs.server.fault("GET blob", act.wrong_bytes(), times=None,
                       digest=packs.images["db:1"].layers[0].digest)
    done = packs.pack("db:1")
    assert_told(done, 1)
    assert packs.left() == [] and ADVICE not in done.stderr


def test_a_dead_registry(packs):
    packs.slow_down()
    packs.server.die_when(blob_bytes=600_000)
    done = packs.pack("app:1", retries=0)
    packs.server.revive()
    packs.server.clear_faults()
    assert_failed(packs, done, ADVICE)
    assert packs.finish("app:1").pulled <= packs.total("app:1") - 300_000


@contextlib.contextmanager
def mounted(bench, *command):
    """bench.out on a file system of its own."""
    subprocess.run(["mount", *command, bench.out], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", bench.out], check=True)


def disk(bench, size):
    return mounted(bench, "-t", "tmpfs", "-o", f"size={size}", "none")


def test_a_disk_that_fills_up_and_has_room_again(packs):
    """Room of plain layers is not reserved; the journal has its own."""
    with disk(packs, "4m"):
        packs.slow_down()
        child = packs.begin("raw:1")
        while packs.pulled() == 0 or not packs.beside(".partial").exists():
            assert child.poll() is None
            time.sleep(0.002)
        space = os.statvfs(packs.out)
        rival = packs.out / "rival"
        rival.write_bytes(b"x" * (space.f_bavail * space.f_frsize))
        child.stdout, child.stderr = child.communicate(timeout=60)
        assert_told(child, 1, "No space left on device")
        assert_left(packs, child, ["rival"])
        rival.unlink()
        packs.server.clear_faults()
        packs.finish("raw:1")


# damage

@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_damage_is_seen(packs, place):
    """One byte, and that layer is pulled anew, with a word about it."""
    packs.end_at(1_300_000, "app:1", "db:1", "web:1", options=["--jobs", 1])
    partial = packs.beside(".partial")
    with open(partial, "r+b") as file:
        file.seek(int(place * 1_250_000))
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    done = packs.finish("app:1", "db:1", "web:1")
    notices = [line for line in done.stderr.splitlines() if "does not hold" in line]
    assert len(notices) == 1 and notices[0].startswith(f"{partial}: "), told(done)
    assert done.pulled <= packs.total("app:1", "db:1")


@pytest.mark.parametrize("journal", [b"", b"ferry.journal/v1\n", bytes(5000), None],
                         ids=["empty", "torn", "zeros", "none"])
def test_a_journal_that_is_none(packs, journal):
    """Then nothing is known to be there; no word about it."""
    packs.end_at(300_000, "app:1")
    path = packs.beside(".journal")
    path.unlink()
    if journal is not None:
        path.write_bytes(journal)
    done = packs.finish("app:1")
    assert done.pulled == packs.total("app:1")


# another plan

def test_another_plan(packs):
    """What it has in common with the one that was killed is not pulled again."""
    killed = packs.end_at(1_400_000, *ALL, options=["--jobs", 1])
    plan = plan_of(packs, *NEW)
    assert plan["here_bytes"] >= 1_400_000 - STALLED
    done = packs.finish(*NEW)
    assert killed.pulled + done.pulled <= packs.total(*NEW) + STALLED


def test_another_plan_that_is_killed_too(packs):
    packs.end_at(1_400_000, *ALL, options=["--jobs", 1])
    packs.end_at(100_000, *NEW, options=["--jobs", 1])
    assert packs.left() == sorted([*packs.pair, packs.beside(".partial.old").name,
                                   packs.beside(".journal.old").name])
    assert packs.finish(*NEW).pulled <= packs.total(*NEW) - 1_500_000 + 2 * STALLED


def test_fresh(packs):
    """All four go, and everything is pulled."""
    packs.end_at(600_000, *ALL)
    packs.end_at(100_000, *NEW)
    assert packs.finish(*NEW, options=["--fresh"]).pulled == packs.total(*NEW)


def test_a_moved_tag(packs):
    """Its new image shares a layer with the old one."""
    old = packs.images["app:1"]
    packs.end_at(600_000, "app:1", options=["--jobs", 1])
    try:
        new = packs.add("app:1", layers=[old.layers[0], 1000])
        done = packs.pack("app:1")
        assert_done(done)
        assert_packed(packs, {"app:1": new})
        ranges = [record.headers.get("range") for record in
                  packs.server.matching("GET blob", digest=old.layers[0].digest)]
        assert ranges[-1] and int(ranges[-1][6:-1]) >= 600_000 - STALLED
    finally:
        packs.images["app:1"] = old
        packs.server.retag("app", "1", old)


def test_room_beside_another_plan(packs):
    """The old file's bytes are not free; who gives them up has room."""
    with disk(packs, "2m"):
        packs.end_at(600_000, "app:1")      # reserves 1 MB
        done = packs.pack(*NEW)
        assert_told(done, 1, "the bundle takes ", "is free there beside ",
                    "of an unfinished run, which --fresh gives up; nothing was pulled")
        assert packs.left() == packs.pair
        packs.finish(*NEW, options=["--fresh"])


# two at once

def test_a_second_run_is_refused_before_it_asks(packs):
    """Also one that only plans, and one that would start anew."""
    packs.slow_down()
    child = packs.begin("app:1")
    while not packs.beside(".journal").exists() or packs.pulled() == 0:
        assert child.poll() is None
        time.sleep(0.002)
    before = sum(record.kind != "blob" for record in packs.server.requests)
    for options in ([], ["--fresh"], ["--dry-run"]):
        done = packs.pack("db:1", options=options)
        assert_told(done, 1, f"{packs.beside('.partial')}: another ferry is writing it")
    assert sum(record.kind != "blob" for record in packs.server.requests) == before
    packs.server.clear_faults()
    child.communicate(timeout=60)
    assert child.returncode == 0
    assert file_digest(packs.bundle) == packs.undisturbed["app:1",]
    assert packs.left() == [packs.bundle.name]


# without fallocate

@contextlib.contextmanager
def without_fallocate(bench):
    """ext4 without extents cannot reserve room."""
    image = bench.folder / "disk.img"
    with open(image, "wb") as file:
        file.truncate(20 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-O", "^extent,^has_journal,^64bit", image], check=True)
    with mounted(bench, "-o", "loop", image):
        (bench.out / "lost+found").rmdir()
        probe = bench.out / "probe"
        done = subprocess.run(["fallocate", "-l", "4096", probe], capture_output=True, check=False)
        assert b"not supported" in done.stderr
        probe.unlink()
        yield


def test_without_fallocate_it_grows_from_the_front(packs):
    """The first layer first, though another is larger; and it goes on all the same."""
    with without_fallocate(packs):
        order = layer_order(packs)
        seen = len(packs.server.requests)
        packs.end_at(900_000, *NEW, options=["--jobs", 1])
        size = packs.beside(".partial").stat().st_size
        assert 850_000 <= size <= 1_000_000
        begun = [record.digest for record in packs.server.requests[seen:]
                 if record.digest in order]
        assert begun == order[:len(begun)] and len(begun) > 1
        assert packs.finish(*NEW).pulled <= packs.total(*NEW) - 900_000 + STALLED


def layer_order(packs):
    """The layers of NEW as they lie in the bundle; that is not largest first."""
    with_sizes = [layer for name in NEW for layer in packs.images[name].layers]
    order = [layer.digest for layer in with_sizes]
    sizes = [layer.size for layer in with_sizes]
    assert sizes != sorted(sizes, reverse=True)
    return order


def test_what_was_resumed_is_a_bundle_to_others(packs):
    packs.end_at(500_000, *NEW)
    packs.finish(*NEW)
    assert len([name for name in unpack(packs.bundle) if name.startswith("blobs/")]) == 3 * 2 + 5
