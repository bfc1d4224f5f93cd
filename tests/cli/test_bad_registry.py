"""Registries that have not got the image, or something else under its name.

What a single fault does is in the table that tests/faults/rows.py begins.
"""

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_packed, assert_refused
from mishaps import bench_fixture  # noqa: F401

TWO = ("linux/amd64", "linux/arm64")


def test_images_of_docker(bench):
    """Its own media types, which came before OCI's."""
    bench.add(flavour="docker", platforms=TWO)
    assert_done(bench.pack("app:1"))
    assert_packed(bench, bench.images)


def test_all_refusals_come_at_once(bench):
    """One run names everything that is wrong, whatever is right besides."""
    server = bench.server
    bench.add("good:1", layers=[1000])
    server.add_image("arm:1", platforms=TWO[1:])
    server.add_image("old:1")
    server.fault("manifest", act.schema1(), times=None, repo="old")
    server.add_image("private:1")
    server.fault("manifest", act.status(403), times=None, repo="private")
    server.add_image("liar:1", platforms=TWO, config_platform={TWO[0]: TWO[1]})
    done = bench.pack("good:1", "arm:1", "old:1", "private:1", "absent:1", "liar:1")
    assert_refused(bench, done, {
        "arm:1": ["no linux/amd64; it has linux/arm64"],
        "old:1": ["schema 1"],
        "private:1": ["not found, or private"],
        "absent:1": ["does not have it"],
        "liar:1": ["its index says linux/amd64, its config says linux/arm64"],
    }, total=6, status=4)


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_for_ever_ends_after_so_many_retries(bench, retries):
    bench.add()
    rule = bench.server.fault("manifest", act.status(503), times=None)
    done = bench.pack("app:1", retries=retries)
    assert rule.fired == 1 + retries
    assert_refused(bench, done, {"app:1": bench.words(["{host} answered 503"])})
    assert f"({retries} of {retries})" in done.stderr or not retries


def test_no_header_is_sent_twice(bench):
    """Some servers and proxies refuse that, or take it for two values."""
    seen = []

    def watch(exchange):
        seen.append([name.lower() for name in exchange.request.headers.keys()])
        exchange.send(exchange.answer())

    bench.add()
    bench.server.fault("", act.Action("watch", watch), times=None)
    assert_done(bench.pack("app:1"))
    assert_done(bench.load())
    assert len(seen) > 6
    for names in seen:
        assert len(set(names)) == len(names) and "accept-encoding" in names
