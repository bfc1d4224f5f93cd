"""Dockers that take a release badly; tests/peers/test_docker.py has the real one."""

import pytest

from fake_docker import FakeDocker
from mishaps import assert_told, told
from mishaps import bench_fixture  # noqa: F401
from releases import NAMES
from releases import release_fixture  # noqa: F401


@pytest.fixture(name="docker")
def docker_fixture(tmp_path):
    with FakeDocker(tmp_path) as docker:
        yield docker


@pytest.fixture(name="load")
def load_fixture(release, docker):
    """load(*options): the release, into the fake Docker."""
    def load(*options):
        return release.run("load", release.bundle, "--to", docker.to, *options)
    return load


def after_load(docker, name, status, message):
    """Refuses to show an image once it is loaded."""
    def refuse(method, path):
        if path == f"/images/{name}/json" and docker.configs:
            return status, message
        return None
    docker.refuse = refuse


def lines_of(done, name):
    """What is said of an image on standard error."""
    return [line.partition(": ")[2] for line in done.stderr.splitlines()
            if line.startswith(name + ": ")]


def test_a_good_docker(docker, release, load):
    done = load()
    assert done.returncode == 0, told(done)
    assert set(docker.names) == {release.name(name) for name in NAMES}
    again = load()
    assert again.returncode == 0 and again.stdout.count("there already") == 3, told(again)
    assert docker.count("POST /images/load") == 1


def test_one_image_that_cannot_be_read_back(docker, release, load):
    """The others are in place all the same, and that is what the exit status says."""
    after_load(docker, release.name("db:1"), 500, "layer store: \x1b[31mgone")
    done = load()
    assert_told(done, 5, "1 of 3 images not in place")
    assert "db:1" in done.stdout and done.stdout.count("loaded, read back equal") == 2
