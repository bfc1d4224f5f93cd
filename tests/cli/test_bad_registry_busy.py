"""Registries that say "not now": 429 and 5xx, with and without Retry-After."""

import signal
import time

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_failed, assert_packed, assert_refused, told
from mishaps import bench_fixture  # noqa: F401

BURSTS = [("manifest", code) for code in (408, 425, 429, 500, 502, 503, 504)]
BURSTS += [("ping", 429), ("ping", 503), ("GET blob", 503), ("token", 503)]


@pytest.mark.parametrize("match, code", BURSTS)
def test_a_burst_passes(bench, match, code):
    bench.add()
    if match == "token":
        bench.server.require_bearer()
    rule = bench.server.fault(match, act.status(code), before_auth=True)
    done = bench.pack("app:1", retries=1)
    assert_done(done)
    assert rule.fired == 1
    assert done.stderr.count("trying again in") == (match != "ping"), told(done)
    assert_packed(bench, bench.images)


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_for_ever_ends_after_so_many_retries(bench, retries):
    bench.add()
    rule = bench.server.fault("manifest", act.status(503), times=None)
    done = bench.pack("app:1", retries=retries)
    assert rule.fired == 1 + retries
    assert_refused(bench, done, {"app:1": bench.words(["{host} answered 503"])})
    assert f"({retries} of {retries})" in done.stderr or not retries


def test_too_many_for_ever(bench):
    layer = bench.add().layers[0]
    rule = bench.server.fault("GET blob", act.too_many(0), times=None, digest=layer.digest)
    done = bench.pack("app:1", retries=1)
    assert rule.fired == 2
    assert_failed(bench, done, bench.name("app:1"), "blob " + layer.digest,
                  *bench.words(["{host} limits how much it may be asked (429)",
                                "TOOMANYREQUESTS"]))


@pytest.mark.parametrize("value, least, most", [
    ("1", 1, 2),
    ("date", 1, 4),
    ("0", 0, 1),
    ("-1", 0, 1),
    ("soon", 0, 1),
    ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 1),
    ("1e1", 0, 1),
])
def test_retry_after(bench, value, least, most):
    """What can be understood is kept to; the rest is as if it were not there."""
    bench.add()
    if value == "date":
        value = act.http_date(3)
    bench.server.fault("manifest", act.too_many(value))
    done = bench.pack("app:1")
    assert_done(done)
    assert "answered 429; trying again in" in done.stderr
    assert least <= done.seconds < most + 1.5, told(done)


@pytest.mark.parametrize("value", [10 * 365 * 86400, 10 ** 30, "date"])
def test_ten_years_are_announced_as_five_minutes(bench, value):
    """And a person may have enough of them at once."""
    bench.add()
    if value == "date":
        value = act.http_date(10 * 365 * 86400)
    rule = bench.server.fault("manifest", act.too_many(value))
    child = bench.start(*bench.pack_args("app:1"))
    notice = child.stderr.readline()
    assert "answered 429; trying again in 300.0 s (1 of 2)" in notice
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, rest = child.communicate(timeout=10)
    assert time.monotonic() - began < bench.patience
    assert (child.returncode, rest) == (130, "ferry: interrupted\n")
    assert rule.fired == 1 and bench.left() == []


def test_the_whole_registry_is_down(bench):
    bench.add()
    bench.server.fault("", act.status(503), times=None)
    done = bench.pack("app:1")
    assert done.seconds < 10, told(done)
    assert_refused(bench, done, {"app:1": bench.words(["{host} answered 503"])})
