"""Runs that are ended from outside, at any moment.

The registry trickles, so that a pack takes two seconds or more, and moments are
told by what it has served as well as by the clock.
"""

import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

import faulty_actions as act
from faulty import FaultyRegistry
from mishaps import Bench, assert_done, assert_left, assert_told, file_digest, told
from mishaps import bench_fixture  # noqa: F401
from releases import NAMES, assert_in_place, tags
from releases import release_fixture, target_fixture  # noqa: F401

ONE_JOB = ["--jobs", "1"]


class Slow(Bench):
    """A registry of two images (one with plain layers) that can be made slow."""

    def __init__(self, server, folder):
        super().__init__(server, folder)
        self.add("app:1", layers=[100_000, 100_000, 50_000])
        self.add("raw:1", layers=[100_000, 60_000], layer_kind="tar")
        assert_done(self.pack_all())
        self.undisturbed = file_digest(self.bundle)
        self.slow_down()
        self.reset()

    def slow_down(self):
        """A whole run takes two seconds or more from now on."""
        self.server.fault("GET manifest", act.trickle(150, 0.04), times=None)
        self.server.fault("GET blob", act.trickle(10_000, 0.05), times=None)

    def reset(self):
        """Forgets what was packed."""
        shutil.rmtree(self.out)
        self.out.mkdir()

    def pack_all(self):
        return self.pack("app:1", "raw:1", options=ONE_JOB)

    def begin(self):
        """A slow run; returns when it has asked for something.

        That is its ping: what the run before asked for last may still come in.
        """
        pings = self.server.count("ping")
        child = self.start(*self.pack_args("app:1", "raw:1"), *ONE_JOB)
        self.until(lambda: self.server.count("ping") > pings, child)
        self.seen = len(self.server.requests)
        return child

    def until(self, condition, child):
        """Waits for a moment, which must come before the run is over."""
        while not condition():
            assert child.poll() is None, "it was over too soon"
            time.sleep(0.002)


@pytest.fixture(scope="module", name="slow_registry")
def slow_registry_fixture(tmp_path_factory):
    with FaultyRegistry(seed="slow") as server:
        yield Slow(server, tmp_path_factory.mktemp("slow"))


@pytest.fixture(name="slow")
def slow_fixture(slow_registry):
    slow_registry.reset()
    yield slow_registry
    slow_registry.end()


def strike(slow, child, number):
    """Sends the signal; returns how it ended, as run() does."""
    began = time.monotonic()
    child.send_signal(number)
    child.stdout, child.stderr = child.communicate(timeout=30)
    child.seconds = time.monotonic() - began
    return child


def assert_obeyed(slow, done, status):
    """Soon, in one line, and nothing is left but what that names."""
    assert done.seconds < slow.patience, told(done)
    assert_told(done, status)
    assert done.stderr.splitlines()[-1].partition(";")[0] == "ferry: interrupted"
    assert_left(slow, done)


def blobs_begun(count):
    return lambda slow: sum(record.kind == "blob"
                            for record in slow.server.requests[slow.seen:]) >= count


def has_partial(slow):
    return slow.left() != []


DELAYS = [0, 0.03, 0.06, 0.1, 0.17, 0.25, 0.35, 0.45, 0.55, 0.65]
POINTS = {
    # Progress is a better clock than time, on a slow machine above all.
    "a config": blobs_begun(1),
    "the file is there": has_partial,
    "the first layer": blobs_begun(3),
    "the third layer": blobs_begun(5),
    "a plain layer": blobs_begun(6),
    "the last layer": blobs_begun(7),
}


@pytest.mark.parametrize("delay", DELAYS)
def test_interrupted_at_a_time(slow, delay):
    child = slow.begin()
    time.sleep(delay)
    assert child.poll() is None
    assert_obeyed(slow, strike(slow, child, signal.SIGINT), 130)


AT_POINTS = [(point, signal.SIGINT) for point in POINTS]
AT_POINTS += [(point, number) for number in (signal.SIGTERM, signal.SIGHUP)
              for point in ("a config", "the file is there", "a plain layer")]


@pytest.mark.parametrize("point, number", AT_POINTS)
def test_interrupted_at_a_point(slow, point, number):
    child = slow.begin()
    slow.until(lambda: POINTS[point](slow), child)
    assert_obeyed(slow, strike(slow, child, number), 128 + number)


@pytest.mark.parametrize("kind", ["gzip", "tar"])
def test_interrupted_with_many_at_work(bench, kind):
    """Plain layers wait for each other; nobody may be left waiting.

    From the last blob on that is waited for, the registry falls silent: the
    run cannot be over before the signal, however late that comes.
    """
    bench.add(layers=[20_000] * 12, layer_kind=kind)
    for begun in range(1, 14, 3):
        bench.server.clear_faults()
        bench.server.fault("GET blob", act.trickle(5000, 0.01), times=begun - 1)
        bench.server.fault("GET blob", act.stall(100), times=None)
        seen = bench.server.count("GET blob")
        child = bench.start(*bench.pack_args("app:1"), "--fresh")
        while bench.server.count("GET blob") < seen + begun:
            assert child.poll() is None, "it was over too soon"
            time.sleep(0.001)
        assert_obeyed(bench, strike(bench, child, signal.SIGINT), 130)


@pytest.mark.parametrize("action", [act.stall(after=None), act.stall(after=100),
                                    act.too_many(100), act.status(503, {"Retry-After": "60"})])
@pytest.mark.parametrize("match", ["ping", "manifest", "GET blob"])
def test_interrupted_while_it_waits(bench, match, action):
    """For a silent registry, or for the time it asked us to wait."""
    bench.add()
    rule = bench.server.fault(match, action, times=None)
    child = bench.start(*bench.pack_args("app:1"))
    while not rule.fired:
        time.sleep(0.002)
    time.sleep(0.1)
    assert_obeyed(bench, strike(bench, child, signal.SIGINT), 130)


def assert_finished(slow):
    """The same command, undisturbed, makes what it would have made at once."""
    assert_done(slow.pack_all())
    assert file_digest(slow.bundle) == slow.undisturbed
    assert slow.left() == [slow.bundle.name]


@pytest.fixture(name="then_fast")
def then_fast_fixture(slow):
    """Calls back to normal speed, and slow again after the test."""
    yield slow.server.clear_faults
    slow.server.clear_faults()
    slow.slow_down()


@pytest.mark.parametrize("delay", DELAYS)
def test_killed_at_a_time(slow, then_fast, delay):
    child = slow.begin()
    time.sleep(delay)
    assert child.poll() is None
    assert strike(slow, child, signal.SIGKILL).returncode == -signal.SIGKILL
    assert slow.left() in ([], slow.pair[1:], slow.pair)
    then_fast()
    assert_finished(slow)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point(slow, then_fast, point):
    child = slow.begin()
    slow.until(lambda: POINTS[point](slow), child)
    strike(slow, child, signal.SIGKILL)
    assert slow.left() in ([], slow.pair[1:], slow.pair)
    then_fast()
    assert_finished(slow)


def test_noise_in_the_place_of_a_leftover_does_not_show(slow, then_fast):
    """Not even if it is longer than what is written now."""
    slow.bundle.with_name(slow.bundle.name + ".partial").write_bytes(b"\xa5" * 5_000_000)
    then_fast()
    assert_finished(slow)


# two at once

def test_a_second_run_refuses(slow):
    child = slow.begin()
    slow.until(lambda: has_partial(slow), child)
    done = slow.pack_all()
    assert_told(done, 1, str(slow.bundle), "another ferry is writing it")
    child.communicate(timeout=30)
    assert child.returncode == 0
    assert file_digest(slow.bundle) == slow.undisturbed
    assert slow.left() == [slow.bundle.name]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_many_at_once(slow, then_fast, force):
    """One of them makes the file; what the others say is true."""
    then_fast()
    args = [*slow.pack_args("app:1", "raw:1"), *force]
    children = [slow.start(*args) for _ in range(5)]
    ends = [child.communicate(timeout=60)[1] for child in children]
    failed = [text for child, text in zip(children, ends) if child.returncode]
    assert len(failed) < len(children)
    for text in failed:
        assert "another ferry is writing it" in text or "exists" in text, text
    assert file_digest(slow.bundle) == slow.undisturbed
    assert slow.left() == [slow.bundle.name]


def test_a_second_signal_ends_it_at_once(bench):
    """Even where the first is not obeyed: nothing worse than a kill."""
    bench.add()
    bench.server.fault("GET blob", act.stall(), times=None)
    child = bench.start(*bench.pack_args("app:1"))
    while not bench.server.count("GET blob"):
        time.sleep(0.002)
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=bench.patience + 5)
    assert child.returncode == 130


def open_nothing(_):
    """A FIFO that nobody has opened for writing."""
    return None


def open_fifo(path):
    """A FIFO whose writer is there and silent."""
    return os.open(path, os.O_RDWR)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("hold", [None, open_nothing, open_fifo])
def test_interrupted_while_nobody_writes_the_list(bench, hold, number):
    """The first signal is enough, wherever the list was to come from."""
    path = bench.folder / "fifo"
    os.mkfifo(path)
    held = hold(path) if hold else None
    reader, writer = os.pipe()
    child = bench.start("pack", "-o", bench.bundle, "-f", path if hold else "-", stdin=reader)
    while not waits_for_a_file(child):
        time.sleep(0.002)
    assert_obeyed(bench, strike(bench, child, number), 128 + number)
    for end in filter(None, (reader, writer, held)):
        os.close(end)


def waits_for_a_file(child):
    """Whether it has caught signals and sleeps."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    caught = int(re.search(r"SigCgt:\s*(\w+)", status).group(1), 16)
    return caught >> signal.SIGTERM - 1 & 1 and "\nState:\tS" in status


# load

@pytest.fixture(name="slow_target")
def slow_target_fixture(target):
    """A registry that already has other images under the same names, and is slow."""
    for name in NAMES:
        target.server.add_image(name, layers=[777])
    target.server.fault("PUT blob", act.stall(after=None, seconds=0.15), times=None)
    target.before = tags(target.server)
    return target


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("delay", [0, 0.03, 0.06, 0.1, 0.15, 0.25, 0.4, 0.5, 0.65, 0.8])
def test_load_interrupted(slow_target, delay, number):
    """The old release stands as it was; the same command brings the new one."""
    server = slow_target.server
    child = slow_target.start(*slow_target.load_args(), *ONE_JOB)
    while not server.requests:
        time.sleep(0.002)
    time.sleep(delay)
    assert child.poll() is None and server.count("PUT manifest") == 0
    done = strike(slow_target, child, number)
    assert tags(server) == slow_target.before
    if number == signal.SIGINT:
        assert done.seconds < slow_target.patience, told(done)
        assert_told(done, 130)
        assert done.stderr.splitlines()[-1] == "ferry: interrupted"
    server.clear_faults()
    assert_done(slow_target.load())
    assert_in_place(slow_target, *NAMES)


def test_load_interrupted_among_the_tags(target):
    """Some tags are new, some old, none in between; and it can be finished."""
    server = target.server
    old = {name: server.add_image(name, layers=[777]).manifest for name in NAMES}
    rule = server.fault("PUT manifest tag", act.stall(after=None), times=None, repo="db")
    child = target.start(*target.load_args(), *ONE_JOB)
    while not rule.fired:
        time.sleep(0.002)
    done = strike(target, child, signal.SIGINT)
    assert_told(done, 130)
    new = {name: image.manifest for name, image in target.images.items()}
    now = tags(server)
    assert now["app:1"] == new["app:1"] and now["web:1"] == old["web:1"]
    assert now["db:1"] in (old["db:1"], new["db:1"])
    server.clear_faults()
    assert_done(target.load())
    assert_in_place(target, *NAMES)
