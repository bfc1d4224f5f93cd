"""Real Docker daemons that are killed while they load, and whose disk is full."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from job import rows
from peers import Docker, newer_dockerd, wait_for
from test_docker import config_of, image_of

NAMES = ["forecast-service:latest", "prom/prometheus:latest", "redis:7-alpine"]


@pytest.fixture(name="folder")
def folder_fixture():
    """overlay2 wants a disk below it."""
    folder = Path(tempfile.mkdtemp(prefix="ferry-docker-", dir="/var/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(name="command")
def command_fixture(source, bundle):
    """command(docker): what loads three images of the stack into it."""
    def command(docker):
        only = [word for name in NAMES for word in ("--only", source.reference(name))]
        return ["load", bundle, "--to", f"docker-daemon:{docker.socket}", *only]
    return command


# What is on its disk when the daemon is killed: it unpacks what it is sent into such a folder
# before it looks at it, and then image by image.
MOMENTS = [
    "data/tmp/docker-import-*/blobs/sha256/*",
    "data/tmp/docker-import-*/manifest.json",
    "data/image/overlay2/imagedb/content/sha256/*",
]


def test_a_docker_that_dies_while_it_loads(source, ferry, folder, command):
    """At each moment nothing is there by halves, and in the end the same command does the rest."""
    with Docker(folder) as docker:
        for pattern in MOMENTS:
            broken = killed_while(ferry, command, docker, pattern)
            assert broken.returncode in (1, 5), broken.stderr
            assert str(docker.socket) in broken.stderr
            assert_whole(docker, {source.reference(name): config_of(source, name)
                                  for name in NAMES})
        done = ferry(*command(docker))
        assert done.returncode == 0, done.stderr
        for name in NAMES:
            assert image_of(docker, source.reference(name))["Id"] == config_of(source, name)


def test_a_docker_with_containerd_that_dies_while_it_loads(source, ferry, folder, command):
    """The same; its containerd lives on, with what had arrived."""
    with Docker(folder, program=newer_dockerd(), containerd_store=True) as docker:
        broken = killed_while(ferry, command, docker,
                              "containerd/io.containerd.content.v1.content/blobs/sha256/*")
        assert broken.returncode == 1 and str(docker.socket) in broken.stderr, broken.stderr
        assert [image_of(docker, source.reference(name)) for name in NAMES] == [None] * 3
        done = ferry(*command(docker))
        assert done.returncode == 0, done.stderr
        for name in NAMES:
            assert image_of(docker, source.reference(name))["Id"] == source.digest(name)


def killed_while(ferry, command, docker, pattern):
    """What ferry says when the daemon is killed as soon as such a file is new; it runs again."""
    before = set(docker.root.glob(pattern))

    def kill():
        wait_for(lambda: set(docker.root.glob(pattern)) - before, seconds=60, interval=0.002)
        os.kill(int((docker.root / "docker.pid").read_text()), signal.SIGKILL)
    killer = threading.Thread(target=kill)
    killer.start()
    done = ferry(*command(docker))
    killer.join()
    docker.stop()
    docker.start()
    return done


def assert_whole(docker, expected):
    """What is there under its name is what it should be, and no more is known of the others."""
    found = {name: image_of(docker, name) for name in expected}
    assert {name: image["Id"] for name, image in found.items() if image} == \
        {name: digest for name, digest in expected.items() if found[name]}


def test_a_docker_whose_disk_is_full(source, ferry, folder, command):
    """Its own words; what was loaded stays; with more room the same command does the rest."""
    data = folder / "data"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", data], check=True)
    with Docker(folder) as docker:
        full = ferry(*command(docker))
        assert full.returncode in (1, 5), full.stdout + full.stderr
        assert "Docker says: " in full.stderr and "no space left on device" in full.stderr
        for name in NAMES:
            reference = source.reference(name)
            there = "loaded" in rows(full.stdout)[reference][-1]
            assert bool(image_of(docker, reference)) == there
        subprocess.run(["mount", "-o", "remount,size=1g", data], check=True)
        done = ferry(*command(docker))
        assert done.returncode == 0, done.stderr
