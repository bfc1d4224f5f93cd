"""Out of a bundle into a Docker Engine, whose own word is asked for what came of it."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import ferry as support
import pytest
from job import AMD64, rows, run_under
from peers import Docker, PeerError

NOBODY = 65534


@pytest.fixture(scope="module", name="docker")
def docker_fixture():
    """One daemon for all: to start one takes longer than most tests."""
    with Docker() as docker:
        yield docker


@pytest.fixture(scope="module", name="loaded")
def loaded_fixture(docker, bundle):
    """The stack, loaded into an empty Docker."""
    done = support.run("load", bundle, "--to", f"docker-daemon:{docker.socket}")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(name="load")
def load_fixture(docker, ferry):
    """load(bundle, *options) -> what ferry said of loading it into the daemon."""
    def load(path, *options):
        done = ferry("load", path, "--to", f"docker-daemon:{docker.socket}", *options)
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)
    return load


def image_of(docker, name):
    """What Docker knows as NAME, or None."""
    try:
        return docker.api("GET", f"/images/{quote(name)}/json")
    except PeerError as error:
        if ": 404 " not in str(error):
            raise
        return None


def forget(docker, *names):
    """Remove images, if they are there, with all their names."""
    for name in names:
        found = image_of(docker, name)
        if found:
            docker.api("DELETE", f"/images/{found['Id']}?force=true")


def config_of(source, name):
    """The digest that Docker must show as the image's ID."""
    return source.manifest(name)["config"]["digest"]


# The stack


def test_every_image_is_there_with_its_id(source, docker, loaded):
    table = rows(loaded.stdout)
    assert "13 of 13 images in place" in loaded.stdout
    for name in source.names:
        reference = source.reference(name)
        found = image_of(docker, reference)
        assert (found["Id"], found["Architecture"]) == (config_of(source, name), "amd64")
        assert table[reference][2] == found["Id"]
        assert table[reference][-1] == "loaded, read back equal"


def test_nothing_else_has_come_with_them(source, docker, loaded):
    tags = {tag for image in docker.api("GET", "/images/json?all=true")
            for tag in image["RepoTags"] or ["<none>"]}
    assert tags - set(source.references(["trap/small:1", "trap/small:2"])) == \
        set(source.references())


def test_the_plan_says_what_room_is_needed(source, loaded):
    blobs = source.blobs()
    assert f"plan: 13 images, {len(blobs)} blobs, " in loaded.stderr
    assert "(platform: linux/amd64)" in loaded.stderr
    (needs,) = [line for line in loaded.stderr.splitlines() if line.startswith("  needs ")]
    (free,) = [line for line in loaded.stderr.splitlines() if line.startswith("  free ")]
    assert needs.split()[2] == "MiB" and float(needs.split()[1]) > sum(blobs.values()) >> 20
    assert free.split()[2] in ("GiB", "TiB", "MiB")


@pytest.mark.parametrize("name, command, output", [
    ("redis:7-alpine", ["redis-server", "--version"], "Redis server v=7"),
    ("prom/prometheus:latest", ["prometheus", "--version"], "prometheus, version 2"),
    ("scheduler-service:latest", ["--version"], "scheduler-service 1.0"),
])
def test_containers_run(source, docker, loaded, name, command, output):
    assert output in docker.run(source.reference(name), *command)


def test_what_is_there_is_not_sent_again(source, bundle, loaded, load):
    again = load(bundle, "--json")
    told = json.loads(again.out)
    assert (again.code, told["sent"], told["platform"]) == (0, 0, AMD64)
    assert {image["target_name"]: image["digest"] for image in told["images"]} == \
        {source.reference(name): config_of(source, name) for name in source.names}
    assert {image["state"] for image in told["images"]} == {"present"}
    assert "there already" in load(bundle).out


def test_an_image_under_another_name_only_gets_its_name(source, docker, bundle, loaded, load):
    reference = source.reference("webapp:latest")
    docker.client("tag", reference, "elsewhere:1")
    docker.client("rmi", reference)
    assert image_of(docker, reference) is None
    done = load(bundle, "--json")
    told = json.loads(done.out)
    assert (done.code, told["sent"]) == (0, 0)
    assert {image["name"] for image in told["images"] if image["state"] == "done"} == {reference}
    assert image_of(docker, reference)["Id"] == config_of(source, "webapp:latest")
    docker.client("rmi", "elsewhere:1")


def test_a_name_that_means_another_image_is_moved(source, docker, small_bundle, load):
    one, two = source.references(["trap/small:1", "trap/small:2"])
    forget(docker, one, two)
    assert load(small_bundle).code == 0
    docker.client("tag", two, one)
    done = load(small_bundle)
    assert done.code == 0, done.err
    assert image_of(docker, one)["Id"] == config_of(source, "trap/small:1")
    assert image_of(docker, two)["Id"] == config_of(source, "trap/small:2")


def test_one_image_of_many(source, docker, small_bundle, load):
    one, two = source.references(["trap/small:1", "trap/small:2"])
    forget(docker, one, two)
    assert load(small_bundle, "--only", two).code == 0
    assert image_of(docker, one) is None
    assert image_of(docker, two)["Id"] == config_of(source, "trap/small:2")


def test_a_dry_run_loads_nothing(source, docker, small_bundle, load):
    names = source.references(["trap/small:1", "trap/small:2"])
    forget(docker, *names)
    done = load(small_bundle, "--dry-run")
    assert done.code == 0
    assert "plan: 2 images, " in done.out
    assert [image_of(docker, name) for name in names] == [None, None]


def test_plain_layers_arrive_too(source, docker, load, tmp_path):
    path = source.pack(tmp_path / "plain", "trap/plain-tar:1")
    done = load(path)
    assert done.code == 0, done.err
    name = source.reference("trap/plain-tar:1")
    assert image_of(docker, name)["Id"] == config_of(source, "trap/plain-tar:1")
    forget(docker, name)


# What cannot be loaded


@pytest.mark.parametrize("where, message", [
    (lambda data: len(data) // 2, "blob sha256:"),
    (lambda data: data.index(b'"architecture"') + 3, "unlike its checksum"),
    (lambda data: data.rindex(b'"architecture"') + 3, "blob sha256:"),
    (lambda data: data.rindex(b"\x28\xb5\x2f\xfd") + 20, "blob sha256:"),
], ids=["layer", "front", "config", "plain layer"])
def test_nothing_of_a_damaged_bundle_becomes_visible(source, docker, load, tmp_path, where,
                                                     message):
    """A single flipped bit; a layer's is seen long after Docker has begun to listen."""
    names = ["trap/big:1", "trap/plain-tar:1", "trap/small:1"]
    references = source.references(names)
    forget(docker, *references)
    path = source.pack(tmp_path / "damaged", *names)
    flip(path, where)
    done = load(path)
    assert done.code == 3, done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith(f"ferry: {path}: ")]
    assert message in line
    assert [image_of(docker, reference) for reference in references] == [None] * 3


def flip(path, where):
    """Flip one bit of the byte at WHERE(content)."""
    data = bytearray(path.read_bytes())
    data[where(bytes(data))] ^= 0x10
    path.write_bytes(data)


def knows_zstd(docker):
    """Docker unpacks layers of zstd since 23.0, whose API was 1.42."""
    return int(docker.api("GET", "/version")["ApiVersion"].partition(".")[2]) >= 42


def test_zstd_layers_are_refused_where_they_cannot_be_unpacked(source, docker, load, tmp_path):
    names = ["trap/small:1", "trap/zstd-layer:1"]
    small, zstd = source.references(names)
    forget(docker, small, zstd)
    path = source.pack(tmp_path / "zstd", *names)
    plan = load(path, "--dry-run")
    done = load(path)
    assert image_of(docker, small)["Id"] == config_of(source, names[0])
    if knows_zstd(docker):
        assert done.code == 0, done.err
        assert image_of(docker, zstd)["Id"] == config_of(source, names[1])
    else:
        assert done.code == 5
        assert (plan.code, rows(plan.out)[zstd][-1]) == (0, "refused")
        assert f"{zstd}: its layers are compressed with zstd" in plan.err
        version = docker.api("GET", "/version")["Version"]
        assert f"{zstd}: its layers are compressed with zstd, which Docker {version} cannot " \
            "unpack, only 23.0 and later can\n" in done.err
        assert "1 of 2 images not in place" in done.err
        assert rows(done.out)[small][-1] == "loaded, read back equal"
        assert rows(done.out)[zstd][-1] == "failed"
        assert image_of(docker, zstd) is None


@pytest.mark.parametrize("options", [[], ["--any-host"]])
def test_images_for_another_machine_are_refused(source, docker, load, tmp_path, options):
    """Docker would load them and fail later; no option lets them through, for none helps."""
    path = source.pack(tmp_path / "arm", "trap/small:2", options=["--platform", "linux/arm64"])
    name = source.reference("trap/small:2")
    forget(docker, name)
    done = load(path, *options)
    assert (done.code, done.out) == (4, "")
    assert f"{name} is for linux/arm64/v8, and the machine that Docker runs on is linux/amd64" in \
        done.err
    assert image_of(docker, name) is None


# Which Docker


@pytest.mark.parametrize("options", [["--to", "docker"], []])
def test_the_docker_that_the_environment_names(docker, small_bundle, ferry, options):
    done = ferry("load", small_bundle, *options, env={"DOCKER_HOST": f"unix://{docker.socket}"})
    assert done.returncode == 0, done.stderr
    assert f"Docker at {docker.socket}: 2 of 2 images in place" in done.stdout


@pytest.mark.parametrize("host, code, message", [
    ("tcp://127.0.0.1:1", 1, "127.0.0.1:1: no connection: Connection refused"),
    ("ssh://root@server", 2, "DOCKER_HOST: 'ssh://root@server': ferry does not speak ssh"),
])
def test_a_docker_elsewhere_that_cannot_be_reached(small_bundle, ferry, host, code, message):
    done = ferry("load", small_bundle, "--to", "docker", env={"DOCKER_HOST": host})
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


def test_no_docker_there(small_bundle, ferry, tmp_path):
    socket = tmp_path / "docker.sock"
    done = ferry("load", small_bundle, "--to", f"docker-daemon:{socket}")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{socket}: no such socket; is the daemon running?" in done.stderr


def test_a_socket_that_one_may_not_use(docker, small_bundle):
    """As somebody else, who can reach the program, the bundle and the socket's folder."""
    folder = Path(tempfile.mkdtemp(prefix="ferry-nobody-", dir="/var/tmp"))
    mode = docker.root.stat().st_mode
    try:
        program = Path(shutil.copy(support.program(), folder / "ferry"))
        path = Path(shutil.copy(small_bundle, folder / "bundle"))
        for each in (folder, program, path, docker.root):
            os.chmod(each, 0o755)
        done = run_under(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"],
                         "load", path, "--to", f"docker-daemon:{docker.socket}", binary=program)
    finally:
        os.chmod(docker.root, mode & 0o7777)
        shutil.rmtree(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{docker.socket}: permission denied; run as root, or as a member of the socket's " \
        "group" in done.stderr
