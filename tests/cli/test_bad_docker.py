"""Dockers that take a release badly; tests/peers/test_docker.py has the real one."""

import json
from socket import gethostname

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


@pytest.fixture(name="containerd")
def containerd_fixture(tmp_path):
    """A Docker that keeps its images in containerd."""
    with FakeDocker(tmp_path, containerd_store=True) as docker:
        yield docker


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


def assert_told_once(release, done, words):
    """Of each image one line says how it ended."""
    for name, word in words.items():
        (line,) = lines_of(done, release.name(name))
        assert word in line, told(done)


def test_a_good_docker(docker, release, load):
    done = load()
    assert done.returncode == 0, told(done)
    assert set(docker.names) == {release.name(name) for name in NAMES}
    lines = done.stderr.splitlines()
    unpacks = lines.index("Docker has all of it and unpacks the layers")
    for name in NAMES:
        loaded = lines.index(f"Docker: loaded {release.name(name)}")
        assert unpacks < loaded < lines.index(f"{release.name(name)}: loaded, read back equal")
    again = load()
    assert again.returncode == 0 and again.stdout.count("there already") == 3, told(again)
    assert docker.count("POST /images/load") == 1


def test_layers_that_other_images_have_are_not_sent(docker, release, load):
    """By what Docker says of their layers, whatever else they are."""
    assert load().returncode == 0
    configs = list(docker.configs.values())
    docker.names.clear()
    docker.configs = {f"sha256:{n:064}": config for n, config in enumerate(configs)}
    done = load()
    assert done.returncode == 0, told(done)
    assert docker.members == {"manifest.json"} | {
        "blobs/sha256/" + image.config.removeprefix("sha256:") for image in release.images.values()}


def test_a_dry_run_says_what_is_there_and_what_would_be_sent(docker, release, load):
    done = load("--dry-run", "--json")
    told_of = json.loads(done.stdout)
    sizes = {image["name"]: image["to_send"] for image in told_of["images"]}
    assert done.returncode == 0 and all(sizes.values()), told(done)
    # Two share a layer, and the manifests stay here.
    assert max(sizes.values()) < told_of["plan"]["send_bytes"] < told_of["plan"]["blob_bytes"]
    assert load("--only", release.name("db:1")).returncode == 0
    docker.names["elsewhere:1"] = docker.names.pop(release.name("db:1"))
    assert load("--only", release.name("web:1")).returncode == 0
    rows = {line.split()[0]: line for line in load("--dry-run").stdout.splitlines()}
    assert rows[release.name("db:1")].endswith("planned, nothing to send")
    assert rows[release.name("web:1")].endswith("there already, equal")
    assert rows[release.name("app:1")].endswith(" to send")
    assert docker.count("POST /images/load") == 2


@pytest.mark.parametrize("machine, lines", [(gethostname(), 1), ("elsewhere", 0)])
def test_free_room_is_told_of_the_machine_that_docker_runs_on(docker, load, machine, lines):
    """A socket may come from another one through ssh, and its folder be here too."""
    docker.machine = machine
    done = load()
    assert done.returncode == 0, told(done)
    assert sum(line.startswith("  free ") for line in done.stderr.splitlines()) == lines


def test_one_image_that_cannot_be_read_back(docker, release, load):
    """The others are in place all the same, and that is what the exit status says."""
    after_load(docker, release.name("db:1"), 500, "layer store: \x1b[31mgone")
    done = load()
    assert_told(done, 5, "1 of 3 images not in place")
    assert "db:1" in done.stdout and done.stdout.count("loaded, read back equal") == 2
    assert_told_once(release, done, {
        "app:1": "loaded, read back equal",
        "db:1": "Docker says: layer store: \\x1b[31mgone",
        "web:1": "loaded, read back equal",
    })


def test_every_image_is_told_once(docker, release, load):
    """Also those that failed before anything was sent, and those that fail to get a name."""
    assert_told_once(release, load(), dict.fromkeys(NAMES, "loaded, read back equal"))
    assert_told_once(release, load(), dict.fromkeys(NAMES, "there already, equal"))
    del docker.names[release.name("app:1")]
    docker.refuse = lambda method, path: (409, "taken") if path.endswith("/tag") else None
    done = load()
    assert_told(done, 5, "1 of 3 images not in place")
    assert_told_once(release, done, {"app:1": "Docker says: taken",
                                     **dict.fromkeys(NAMES[1:], "there already, equal")})


def test_a_refusal_is_about_an_image(docker, release, load):
    """And about a Docker, of which there may be several; paths of its API mean nothing to people."""
    name = release.name("db:1")
    docker.refuse = lambda method, path: (500, "disk") if path == f"/images/{name}/json" else None
    assert_told(load(), 1, f"ferry: {name}: {docker.socket_path}: Docker says: disk")
    docker.refuse = lambda method, path: (500, "disk") if path == "/images/json" else None
    assert_told(load(), 1, f"ferry: list of images: {docker.socket_path}: Docker says: disk")
    docker.refuse = lambda method, path: (500, "disk") if path == "/_ping" else None
    assert_told(load(), 1, f"ferry: {docker.socket_path}: Docker says: disk")
    docker.refuse = lambda method, path: None
    docker.info = lambda: "a page"
    assert_told(load(), 1, f"ferry: /info: what {docker.socket_path} answers: no valid JSON")
    assert docker.count("POST /images/load") == 0


def test_no_docker_but_other_ways(release, tmp_path):
    socket = tmp_path / "none.sock"
    done = release.run("load", release.bundle, "--to", f"docker-daemon:{socket}")
    assert_told(done, 1, f"{socket}: no such socket; is the daemon running? (elsewhere: --to "
                         "docker-daemon:SOCKET, or --to HOST[:PORT] for a registry)")


def test_a_config_that_nobody_can_read(release, tmp_path):
    """Who has no Docker wonders why Docker's is read."""
    (tmp_path / "config.json").write_text("{")
    done = release.run("load", release.bundle, env={"DOCKER_CONFIG": tmp_path, "DOCKER_HOST": None})
    assert_told(done, 1, f"{tmp_path}/config.json: no valid JSON",
                "it may say which Docker is meant: without --to it is read first")


def test_a_name_that_was_another_image(docker, release, load):
    """The name is moved, as Docker does by itself and silently; here it is said."""
    assert load().returncode == 0
    db, web = (release.name(name) for name in ("db:1", "web:1"))
    other = docker.names[web]
    docker.names[db] = other
    plan = rows(load("--dry-run"))
    assert plan[db].endswith(f"planned, nothing to send; that name is {other} now")
    done = load()
    assert done.returncode == 0, told(done)
    assert rows(done)[db].endswith(f"loaded, read back equal; it was {other} before")
    assert docker.names[db] == release.images["db:1"].config
    assert rows(done)[web].endswith("there already, equal")


def rows(done):
    """{name: its line} of the table."""
    return {line.split()[0]: line for line in done.stdout.splitlines()}


def test_the_image_id_is_what_the_classic_store_keeps(release, load):
    words = "this store does not keep those of a registry; what can be relied on is the image " \
        "ID, which the table shows"
    done = load()
    assert f"  digests    {words}\n" in done.stderr and f"digests: {words}\n" in done.stdout
    assert json.loads(load("--json").stdout)["digests"] == words
    for name in NAMES:
        assert release.images[name].config in rows(done)[release.name(name)]


def test_the_containerd_store_keeps_digests(release, containerd):
    done = release.run("load", release.bundle, "--to", containerd.to)
    assert done.returncode == 0 and "digests" not in done.stdout + done.stderr, told(done)
    assert containerd.names == {release.name(name): image.manifest
                                for name, image in release.images.items()}
    assert "index.json" in containerd.members and "manifest.json" not in containerd.members
    for name in NAMES:
        assert release.images[name].manifest in rows(done)[release.name(name)]
    again = release.run("load", release.bundle, "--to", containerd.to)
    assert again.returncode == 0 and again.stdout.count("there already") == 3, told(again)
    assert containerd.count("POST /images/load") == 1


def test_an_image_that_could_not_be_unpacked_is_not_in_place(release, containerd):
    """Docker keeps it all the same, shows it, and calls it a success."""
    name = release.name("db:1")
    why = "apply layer error: failed to mount: permission denied"
    containerd.cannot_unpack[name] = why
    done = release.run("load", release.bundle, "--to", containerd.to)
    assert_told(done, 5, "1 of 3 images not in place")
    assert lines_of(done, name) == [f"Docker says: it could not be unpacked: {why}"]
    assert name not in containerd.names and len(containerd.names) == 2
    containerd.cannot_unpack.clear()
    done = release.run("load", release.bundle, "--to", containerd.to)
    assert done.returncode == 0 and done.stdout.count("there already") == 2, told(done)


def test_the_containerd_store_keeps_what_had_the_name(release, containerd):
    """It would drop it, were the name to come with the image: the name comes afterwards."""
    words = ["load", release.bundle, "--to", containerd.to]
    db = release.name("db:1")
    other = "sha256:" + "1" * 64
    image = {"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": []}}
    containerd.names[db] = other
    containerd.configs[other] = image
    containerd.cannot_unpack[f"moby-dangling@{release.images['db:1'].manifest}"] = "no room"
    done = release.run(*words)
    assert_told(done, 5, "1 of 3 images not in place")
    assert lines_of(done, db) == ["Docker says: it could not be unpacked: no room"]
    assert rows(done)[db].endswith(f"failed; that name is {other} now")
    assert containerd.names[db] == other and len(containerd.configs) == 3
    containerd.cannot_unpack.clear()
    done = release.run(*words)
    assert done.returncode == 0, told(done)
    assert rows(done)[db].endswith(f"loaded, read back equal; it was {other} before")
    assert containerd.names[db] == release.images["db:1"].manifest
    assert other in containerd.configs


# Where it dies, after how many of these, and how many images are loaded by then.
LAST_BYTE = -1
DEATHS = [
    ("GET /_ping", 0, 0),
    ("GET /version", 0, 0),
    ("GET /info", 0, 0),
    ("GET /images/DB/json", 0, 0),
    ("GET /images/json", 0, 0),
    ("body", 0, 0),
    ("body", 100_000, 0),
    ("body", LAST_BYTE, 0),
    ("answer", 0, 0),
    ("answer", 1, 1),
    ("answer", 3, 3),
    ("GET /images/DB/json", 1, 3),
]


@pytest.mark.parametrize("containerd_store", [False, True])
@pytest.mark.parametrize("moment, after, loaded", DEATHS)
def test_a_docker_that_dies(release, tmp_path, containerd_store, moment, after, loaded):
    """Each image is named with what is known of it, and the same command does the rest."""
    words = ["load", release.bundle, "--to"]
    with FakeDocker(tmp_path, containerd_store) as docker:
        if after == LAST_BYTE:
            assert release.run(*words, docker.to).returncode == 0
            docker.configs, docker.names = {}, {}
        docker.dies_at = moment.replace("DB", release.name("db:1"))
        docker.dies_after = docker.body_size - 1 if after == LAST_BYTE else after
        if containerd_store and moment == "GET /images/json":
            return  # which it is not asked for
        done = release.run(*words, docker.to)
    assert docker.dies_at is None and len(docker.names) == loaded
    assert_died(release, done, moment, after)
    (tmp_path / "again").mkdir()
    with docker.risen(tmp_path / "again") as risen:
        again = release.run(*words, risen.to)
        assert again.returncode == 0, told(again)
        assert again.stdout.count("there already, equal") == loaded
        assert again.stdout.count("loaded, read back equal") == 3 - loaded
        assert len(risen.names) == 3


def assert_died(release, done, moment, after):
    """What is said of each image; nothing that could not be asked is called in place."""
    stories = {name: lines_of(done, release.name(name)) for name in NAMES}
    if moment == "answer" or after == LAST_BYTE:
        for number, name in enumerate(NAMES):
            known = "Docker loaded it, and it could not be read back: " if number < after else \
                "Docker broke off while it loaded: " if number == max(after, 0) else \
                "Docker stopped before it"
            assert stories[name][-1].startswith(known), told(done)
        assert_told(done, 1)
    elif moment == "body":
        assert_told(done, 1, "docker.sock: ")
        assert stories == {name: ["not loaded"] for name in NAMES}, told(done)
    elif after:
        assert_told(done, 5, "2 of 3 images not in place")
        assert stories["app:1"] == ["loaded, read back equal"]
    else:
        assert_told(done, 1, "docker.sock: ")
