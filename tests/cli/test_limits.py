"""How much a registry is asked of, how often, for how long, and what it says of that."""

import json
import threading
import time

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_packed, told
from mishaps import bench_fixture  # noqa: F401


class Counter:
    """Docker Hub's headers on every manifest: of 100 pulls one less each GET."""

    def __init__(self, left=100, window=";w=21600"):
        self.left, self.window = left, window
        self._lock = threading.Lock()

    def count(self, _exchange, response):
        with self._lock:
            self.left -= 1
            left = self.left
        return response.with_header("ratelimit-limit", "100" + self.window) \
            .with_header("ratelimit-remaining", f"{left}{self.window}") \
            .with_header("docker-ratelimit-source", "192.0.2.7")


def counted(bench, **settings):
    counter = Counter(**settings)
    bench.server.fault("manifest", act.altered("counting", counter.count), times=None)
    return counter


def test_what_is_left_is_told_before_and_after(bench):
    bench.add(layers=[1000])
    counted(bench, left=88)
    done = bench.pack("app:1")
    assert_done(done)
    line = f"  quota      {bench.server.host}: 87 of 100 pulls left in 6 h\n"
    assert line in done.stderr and line in done.stdout, told(done)
    assert done.stdout.index(line) > done.stdout.index("packed")


@pytest.mark.parametrize("window, words", [(";w=60", " in 1 min"), (";w=90", " in 90 s"),
                                           ("", "")])
def test_in_which_time(bench, window, words):
    bench.add(layers=[1000])
    counted(bench, window=window)
    done = bench.pack("app:1", options=["--dry-run"])
    assert f"{bench.server.host}: 99 of 100 pulls left{words}\n" in done.stdout, told(done)


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_as_json(bench, options):
    bench.add(layers=[1000])
    counted(bench)
    done = bench.pack("app:1", options=["--json", *options])
    assert json.loads(done.stdout)["quotas"] == [
        {"host": bench.server.host, "limit": 100, "remaining": 99, "window_seconds": 21600,
         "source": "192.0.2.7"}]


def test_where_nothing_is_said(bench):
    bench.add(layers=[1000])
    done = bench.pack("app:1", options=["--json"])
    assert json.loads(done.stdout)["quotas"] == []


@pytest.mark.parametrize("platforms, count", [(["linux/amd64"], 1),
                                              (["linux/amd64", "linux/arm64"], 2)])
def test_a_manifest_is_asked_for_once(bench, platforms, count):
    """Hub counts each: the index and one of its children, and none of them again."""
    bench.add(platforms=platforms, layers=[1000])
    counter = counted(bench)
    assert_done(bench.pack("app:1"))
    requests = bench.server.matching("manifest")
    assert len(requests) == count == 100 - counter.left
    assert len({record.path for record in requests}) == count


@pytest.mark.parametrize("options", [
    ["--platform", "all"],
    ["--platform", "linux/amd64", "--platform", "linux/arm64"],
])
def test_several_platforms_ask_for_each_manifest_once(bench, options):
    bench.add(platforms=["linux/amd64", "linux/arm64", "linux/s390x"], layers=[1000],
              attestations=True)
    assert_done(bench.pack("app:1", options=options))
    paths = [record.path for record in bench.server.matching("manifest")]
    assert len(set(paths)) == len(paths) >= 3


def test_two_tags_of_one_index(bench):
    """A tag has to be asked for; what it leads to is known already, if that came first."""
    image = bench.add(platforms=["linux/amd64", "linux/arm64"], layers=[1000])
    bench.server.retag("app", "2", image)
    assert_done(bench.pack("app:1", "app:2", options=["--jobs", 1]))
    paths = [record.path for record in bench.server.matching("manifest")]
    assert len(set(paths)) == len(paths) == 3


def test_no_more_connections_than_jobs(bench):
    """One for each job and host: nobody has to queue, and registries allow for some."""
    bench.add(layers=[50_000 + n for n in range(12)])
    busy, most, lock = 0, 0, threading.Lock()

    def slow(_exchange, response):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.05)
        with lock:
            busy -= 1
        return response
    bench.server.fault("GET blob", act.altered("slow", slow), times=None)
    assert_done(bench.pack("app:1", options=["--jobs", 3]))
    assert most == 3


# When to stop waiting


@pytest.mark.parametrize("fault, words", [
    (act.too_many(1), "answered 429, and nothing has come of it for 2 s (--give-up-after)"),
    (act.status(503), "answered 503, and nothing has come of it for 2 s (--give-up-after)"),
    (act.cut(after=None), "nothing has come of it for 2 s (--give-up-after)"),
])
def test_patience_ends(bench, fault, words):
    """However often it may be tried."""
    layer = bench.add(layers=[1000]).layers[0]
    bench.server.fault("GET blob", fault, digest=layer.digest, times=None)
    done = bench.pack("app:1", retries=100, options=["--give-up-after", 2])
    assert done.returncode == 1 and words in done.stderr.splitlines()[-1], told(done)
    assert done.seconds < 6


def test_a_wait_that_is_too_long_is_not_begun(bench):
    layer = bench.add(layers=[1000]).layers[0]
    bench.server.fault("GET blob", act.too_many(60), digest=layer.digest, times=None)
    done = bench.pack("app:1", retries=100, options=["--give-up-after", 5])
    assert done.returncode == 1 and "answered 429" in done.stderr, told(done)
    assert done.seconds < 4


def test_what_moves_is_waited_for(bench):
    """Longer than patience lasts without it."""
    layer = bench.add(layers=[400_000]).layers[0]
    bench.server.fault("GET blob", act.cut(after=60_000), digest=layer.digest, times=6)
    done = bench.pack("app:1", retries=1, options=["--give-up-after", 2])
    assert_done(done)
    assert done.seconds > 1
    assert_packed(bench, bench.images)


def test_the_first_byte_has_a_limit(bench):
    layer = bench.add(layers=[1000]).layers[0]
    bench.server.fault("GET blob", act.stall(after=None, seconds=20), digest=layer.digest)
    done = bench.pack("app:1", options=["--stall-timeout", 1])
    assert_done(done)
    assert "no answer within 1 s; trying again" in done.stderr, told(done)


def test_every_byte_after_it_too(bench):
    layer = bench.add(layers=[100_000]).layers[0]
    bench.server.fault("GET blob", act.stall(after=50_000, seconds=20), digest=layer.digest)
    done = bench.pack("app:1", options=["--stall-timeout", 1])
    assert_done(done)
    assert "hardly a byte came for 1 s" in done.stderr, told(done)
    assert bench.server.matching("GET blob", digest=layer.digest)[1].headers["range"] == \
        "bytes=50000-"
