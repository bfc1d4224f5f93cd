"""Registries that want to know who asks.

How they may do so badly, and send us elsewhere, is in the table that
tests/faults/rows.py begins, rows 71 to 75.
"""

import json

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_packed, assert_refused, told
from mishaps import bench_fixture  # noqa: F401

NO_CREDENTIALS = ["not found, or private and no credentials for {host}",
                  "docker login, or --authfile"]


def basic(server):
    server.require_basic("carol", "s3cret:with:colons")


def bearer(server):
    server.require_bearer(user="carol", password="s3cret:with:colons")


def login(bench, password="s3cret:with:colons"):
    return ["--authfile", bench.authfile("carol", password)]


@pytest.mark.parametrize("require", [basic, bearer])
@pytest.mark.parametrize("by_environment", [False, True])
def test_credentials_open_the_door(bench, require, by_environment):
    bench.add(layers=[5000])
    require(bench.server)
    option, path = login(bench)
    if by_environment:
        done = bench.pack("app:1", env={"REGISTRY_AUTH_FILE": path})
    else:
        done = bench.pack("app:1", options=[option, path])
    assert_done(done)
    assert_packed(bench, bench.images)


@pytest.mark.parametrize("require", [basic, bearer])
def test_without_credentials(bench, require):
    bench.add()
    require(bench.server)
    assert_refused(bench, bench.pack("app:1"), {"app:1": bench.words(NO_CREDENTIALS)})


@pytest.mark.parametrize("require", [basic, bearer])
def test_with_wrong_credentials(bench, require):
    """Said once, and not shown to anybody."""
    bench.add()
    require(bench.server)
    done = bench.pack("app:1", options=login(bench, "w0rst"))
    assert_refused(bench, done, {"app:1": bench.words(["{host} refuses the credentials"])})
    assert "w0rst" not in told(done)
    assert len(bench.server.requests) < 8


def test_anonymous_token(bench):
    bench.add()
    bench.server.require_bearer()
    assert_done(bench.pack("app:1"))
    assert_packed(bench, bench.images)


def test_no_secret_is_told(bench):
    """Neither in --json nor anywhere else, whatever goes wrong."""
    bench.add()
    bearer(bench.server)
    bench.server.fault("manifest", act.redirect("{second}/x?X-Signature=v3rysecret"), times=None)
    bench.server.fault("", act.status(410), times=None, listener="second")
    done = bench.pack("app:1", options=[*login(bench), "--json"])
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "failed"
    for secret in ("s3cret", "v3rysecret", *bench.server.tokens.issued):
        assert secret not in told(done)
