"""Registries that take a release, or not all of it.

What a single fault does is in the table that tests/faults/rows.py begins, row 91.
"""

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_told, told
from mishaps import bench_fixture  # noqa: F401
from releases import NAMES, assert_in_place, assert_order, assert_second_run, failures
from releases import release_fixture, target_fixture  # noqa: F401


def test_a_good_target(target, release):
    done = target.load()
    assert_done(done)
    assert done.stderr.count("loaded, read back equal") == len(NAMES)
    assert_order(target.server)
    assert_in_place(target, *NAMES)
    assert_second_run(target, release)


@pytest.mark.parametrize("scheme, status", [("docker://", 0), ("docker://docker://", 2)])
def test_one_scheme_is_enough(target, scheme, status):
    done = target.run("load", target.bundle, "--to", scheme + target.server.host, "--any-host")
    assert done.returncode == status, told(done)
    assert status == 0 or "docker://" in done.stderr and target.server.requests == []


def test_a_web_page_is_no_blob(target, release):
    layer = target.images["app:1"].layers[0].digest
    target.server.fault("HEAD blob", act.status(405), times=None)
    target.server.fault("GET blob", act.html_200(), times=None, digest=layer)
    done = target.load()
    assert_told(done, 5, "1 of 3 images")
    assert "is not a registry (it answered text/html)" in failures(target, done, release)["app:1"]


@pytest.mark.parametrize("denied", ["app", "db"])
def test_a_repository_that_takes_nothing_fails_nobody_else(target, release, denied):
    """Not those who share a layer with it either: a project or a repository may be missing."""
    repos = {"app": "app:1", "db": "db:1"}
    for kind in ("POST upload", "POST upload mount"):
        target.server.fault(kind, act.status(403), times=None, repo=denied)
    for _ in range(2):
        done = target.load()
        assert_told(done, 5, "1 of 3 images")
        assert set(failures(target, done, release)) == {repos[denied]}
        assert f"{release.name(repos[denied])}: all its blobs are there" not in done.stderr
        assert_in_place(target, *(name for name in NAMES if name != repos[denied]))
    assert_second_run(target, release)


def test_what_is_shared_fails_all_who_need_it(target, release):
    shared = target.images["app:1"].layers[1].digest
    target.server.fault("PUT blob", act.status(413), times=None, digest=shared)
    done = target.load()
    assert_told(done, 5, "2 of 3 images")
    assert set(failures(target, done, release)) == {"app:1", "db:1"}
    assert_in_place(target, "web:1")
    assert_second_run(target, release)
