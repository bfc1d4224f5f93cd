"""Images out of a Docker that is not a real one; tests/peers/test_docker_source.py has that."""

import json
import signal
import time

import pytest

import docker_exports as exports
from docker_exports import Saved, layer
from fake_docker import FakeDocker
from mishaps import Bench, assert_done, assert_left, assert_told, told, unpack

BASE, MIDDLE, TOP = layer("base"), layer("middle"), layer("top", 200_000)


@pytest.fixture(name="docker")
def docker_fixture(tmp_path):
    with FakeDocker(tmp_path) as docker:
        docker.saved = [
            Saved([BASE, MIDDLE, TOP], ["app:1", "localhost:5000/app:latest"]),
            Saved([BASE, layer("db")], ["db:1"]),
            Saved([layer("web"), MIDDLE], ["web:1"]),
        ]
        yield docker


class Packer(Bench):
    """ferry beside a Docker; no registry is there."""

    def __init__(self, docker, folder):
        super().__init__(None, folder)
        self.docker = docker

    def env(self, env=None):
        return super().env({"DOCKER_HOST": f"unix://{self.docker.socket_path}", **(env or {})})

    def pack_args(self, *images, retries=2):
        return ["pack", "-o", self.bundle, *images]


@pytest.fixture(name="packer")
def packer_fixture(docker, tmp_path):
    packer = Packer(docker, tmp_path)
    yield packer
    packer.end()


def config_of(packer, name):
    """The config of an image in the bundle."""
    members = unpack(packer.bundle)
    (entry,) = [entry for entry in json.loads(members["index.json"])["manifests"]
                if entry["annotations"]["io.containerd.image.name"].endswith(name)]
    manifest = json.loads(members["blobs/sha256/" + entry["digest"].removeprefix("sha256:")])
    return members["blobs/sha256/" + manifest["config"]["digest"].removeprefix("sha256:")]


# What it does


def test_an_image_is_exported_twice(docker, packer):
    """Once for the plan, once for the layers."""
    done = packer.pack("docker-daemon:app:1")
    assert_done(done)
    assert docker.requests.count("GET /images/app:1/get") == docker.exports == 2
    assert config_of(packer, "/app:1") == docker.saved[0].config
    assert_done(packer.run("verify", packer.bundle))


def test_images_that_share_layers_are_exported_twice_each(docker, packer):
    names = ["app:1", "db:1", "web:1"]
    assert_done(packer.pack(*(f"docker-daemon:{name}" for name in names)))
    assert [docker.requests.count(f"GET /images/{name}/get") for name in names] == [2, 2, 2]
    assert_done(packer.run("verify", packer.bundle))


def test_an_image_without_a_layer_of_its_own_is_exported_once(docker, packer):
    """The others have them all."""
    docker.saved.append(Saved([BASE, MIDDLE], ["less:1"]))
    assert_done(packer.pack("docker-daemon:app:1", "docker-daemon:less:1"))
    assert docker.requests.count("GET /images/less:1/get") == 1


@pytest.mark.parametrize("order", [sorted, list, lambda names: names[::-1],
                                   lambda names: names[1::2] + names[::2]],
                         ids=["by name", "lowest first", "highest first", "mixed"])
@pytest.mark.parametrize("jobs", [1, 8])
def test_the_order_of_layers_costs_no_export(docker, packer, order, jobs):
    docker.saved = [Saved([layer(n) for n in range(12)], ["many:1"], order=order)]
    assert_done(packer.pack("docker-daemon:many:1", options=["--jobs", jobs]))
    assert docker.exports == 2
    assert_done(packer.run("verify", packer.bundle))


def test_the_same_bytes_each_time_and_out_of_an_archive(docker, packer):
    bundles = []
    archive = packer.folder / "saved.tar"
    archive.write_bytes(docker.saved[0].export(["app:1"]))
    for image in ["docker-daemon:app:1", "docker-daemon:app:1", f"docker-archive:{archive}"]:
        assert_done(packer.pack(image, options=["--force"]))
        bundles.append(packer.bundle.read_bytes())
    assert bundles[0] == bundles[1] == bundles[2]


def test_a_lock_names_and_pins_images(docker, packer):
    """Whoever packs it again gets the same bytes, or hears what is there by now."""
    lock = packer.folder / "lock.json"
    assert_done(packer.pack("docker-daemon:app:1 => local.example/app:2",
                            options=["--lock", lock]))
    (locked,) = json.loads(lock.read_text())["images"]
    assert locked["source"] == "docker-daemon:app:1"
    assert locked["as"] == "local.example/app:2"
    again = packer.out / "again.tar.zst"
    assert_done(packer.run("pack", "-f", lock, "-o", again))
    assert again.read_bytes() == packer.bundle.read_bytes()
    docker.saved[0] = Saved([BASE, layer("new")], ["app:1"])
    done = packer.run("pack", "-f", lock, "-o", again, "--force")
    assert_told(done, 1, "1 of 1 image cannot be packed")
    assert (f"{locked['digest']}, which it is pinned to, is not there any more; "
            "now it is sha256:") in done.stderr


def test_a_dry_run_takes_one_export(docker, packer):
    done = packer.pack("docker-daemon:app:1", options=["--dry-run"])
    assert_done(done)
    assert "plan: 1 image, 5 blobs, " in done.stdout
    assert docker.exports == 1 and packer.left() == []


def test_an_image_by_its_id(docker, packer):
    image = docker.saved[1]
    bundles = []
    for name in [image.id, image.id.removeprefix("sha256:"), image.id[7:19], image.id[7:13]]:
        assert_done(packer.pack(f"docker-daemon:{name} => db:1", options=["--force"]))
        assert docker.requests[-1] == f"GET /images/{image.id}/get"
        bundles.append(packer.bundle.read_bytes())
    assert_done(packer.pack("docker-daemon:db:1", options=["--force"]))
    assert {packer.bundle.read_bytes()} == set(bundles)


def test_a_name_of_hex_digits_is_a_name(docker, packer):
    docker.saved[1].tags.append("cafe:latest")
    assert_done(packer.pack("docker-daemon:cafe"))
    assert docker.requests[-1] == "GET /images/cafe:latest/get"
    assert config_of(packer, "/cafe:latest") == docker.saved[1].config


def test_names_are_those_of_docker(docker, packer):
    assert_done(packer.pack("docker-daemon:localhost:5000/app", "docker-daemon:db:1 => moved/db:2"))
    assert docker.requests.count("GET /images/localhost:5000/app:latest/get") == 2
    assert config_of(packer, "localhost:5000/app:latest") == docker.saved[0].config
    assert config_of(packer, "moved/db:2") == docker.saved[1].config


# Which Docker


def test_a_context_leads_to_it(docker, packer):
    config = packer.folder / "config"
    folder = config / "contexts/meta" / exports.sha256(b"here")
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": "here", "Endpoints": {
        "docker": {"Host": f"unix://{docker.socket_path}"}}}))
    env = {"DOCKER_HOST": None, "DOCKER_CONFIG": config}
    assert_done(packer.pack("docker-daemon:app:1", env={**env, "DOCKER_CONTEXT": "here"}))
    (config / "config.json").write_text('{"currentContext": "here"}')
    assert_done(packer.pack("docker-daemon:app:1", env=env, options=["--force"]))


@pytest.mark.parametrize("env, message", [
    ({"DOCKER_HOST": "ssh://h"}, "DOCKER_HOST: 'ssh://h': ferry does not speak ssh"),
    ({"DOCKER_HOST": "tcp://127.0.0.1:1"}, "127.0.0.1:1: no connection: Connection refused "
     "(elsewhere: set DOCKER_HOST or DOCKER_CONTEXT)"),
    ({"DOCKER_HOST": "unix:///no/such.sock"}, "/no/such.sock: no such socket; is the daemon "
     "running? (elsewhere: set DOCKER_HOST or DOCKER_CONTEXT)"),
    ({"DOCKER_HOST": None, "DOCKER_CONTEXT": "gone"}, "DOCKER_CONTEXT: Docker's context 'gone': "
     "there is no such context in "),
])
def test_a_docker_that_cannot_be_reached(packer, env, message):
    done = packer.pack("docker-daemon:app:1", env=env)
    assert done.returncode == 1 and message in done.stderr, told(done)
    assert packer.left() == []


# What is refused before an export is asked for


@pytest.mark.parametrize("image, options, status, message", [
    ("docker-daemon:gone:1", [], 1, "has no such image"),
    ("docker-daemon:app:1", ["--platform", "linux/arm64"], 4, "no linux/arm64; it has linux/amd64"),
    ("docker-daemon:app:1", ["--platform", "linux/amd64", "--platform", "linux/arm64"], 4,
     "no linux/arm64; it has linux/amd64"),
    ("docker-daemon:{id}", [], 1, "an image ID is no name; say which name it is to have, with "
     "'=> NAME'"),
    ("docker-daemon:{short}", [], 1, "an image ID is no name; say which name"),
    ("docker-daemon:app@{id}", [], 1, "say its tag or its ID"),
    ("docker-daemon:a/../b", [], 1, "'a/../b'"),
])
def test_refusals_cost_no_export(docker, packer, image, options, status, message):
    known = docker.saved[0].id
    done = packer.pack(image.format(id=known, short=known[7:19]), options=options)
    assert done.returncode == status and message in done.stderr, told(done)
    assert docker.exports == 0 and packer.left() == []


# Exports that go wrong

BAD = {
    "not there any more": (exports.refused(404, "No such image: app:1"),
                           ["docker-daemon:app:1: Docker at ", "has no such image"]),
    "refused": (exports.refused(500, "driver \x1b[31mfailed"),
                ["Docker says: driver \\x1b[31mfailed"]),
    "cut": (exports.cut(0.5), ["Docker: ", "the connection broke after "]),
    "broken off": (exports.broken_off(0.5, "no space left on device"),
                   ["Docker broke off the export and says: no space left on device"]),
    "short": (exports.short(0.5), []),
    "without its end": (exports.without_end, []),
    "endless": (exports.endless, []),
}


@pytest.mark.parametrize("name", BAD)
def test_an_export_that_fails_in_the_plan(docker, packer, name):
    deliver, words = BAD[name]
    docker.deliver = deliver
    done = packer.pack("docker-daemon:app:1")
    (about,) = [line for line in done.stderr.splitlines()
                if line.startswith("docker-daemon:app:1: ")]
    assert all(word in about for word in words), told(done)
    assert_told(done, 1, "1 of 1 image cannot be packed; nothing was pulled")
    assert packer.left() == [] and done.seconds < 10


@pytest.mark.parametrize("name", [name for name in BAD if "end" not in name])
def test_an_export_that_fails_in_the_pack(docker, packer, name):
    """It is read no further than to the last layer, so that the end does not matter."""
    deliver, words = BAD[name]
    docker.deliver = exports.in_turn(exports.whole, deliver)
    done = packer.pack("docker-daemon:app:1")
    assert_told(done, 1, "docker-daemon:app:1: ", *words)
    assert_left(packer, done)


def test_other_bytes_in_the_pack(docker, packer):
    """A layer whose digest is wrong is asked for once more."""
    spoilt = exports.spoilt(TOP[600:700], bytes(100))
    docker.deliver = exports.in_turn(exports.whole, spoilt)
    done = packer.pack("docker-daemon:app:1")
    assert_told(done, 1, "docker-daemon:app:1: ", "sha256:")
    assert docker.exports == 3
    docker.deliver = exports.in_turn(exports.whole, spoilt, exports.whole)
    assert_done(packer.pack("docker-daemon:app:1", options=["--force", "--fresh"]))
    assert_done(packer.run("verify", packer.bundle))


def test_an_image_that_changes_between_plan_and_pack(docker, packer):
    old, new = docker.saved[0], Saved([BASE], ["app:1"])

    def then_change(handler, data):
        docker.saved[0] = new
        exports.whole(handler, data)
    docker.deliver = exports.in_turn(then_change, exports.whole)
    assert_told(packer.pack("docker-daemon:app:1"), 1, "docker-daemon:app:1: it has become another "
                f"image since it was planned with: it was {old.id} and is {new.id}; pack again")


def test_an_image_that_goes_between_plan_and_pack(docker, packer):
    def then_go(handler, data):
        del docker.saved[0]
        exports.whole(handler, data)
    docker.deliver = then_go
    assert_told(packer.pack("docker-daemon:app:1"), 1, "docker-daemon:app:1: Docker at ",
                "has no such image any more, since it was planned with")


# Interruptions


def wait_for(condition, seconds=10):
    """Waits for it, or fails."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("ways", [
    [exports.never], [exports.slow(0.05)], [exports.whole, exports.never],
    [exports.whole, exports.slow(0.05)],
], ids=["before the plan's", "in the plan's", "before the pack's", "in the pack's"])
def test_an_interruption_in_mid_export(docker, packer, ways):
    """Docker sees that nobody listens any more, and the next run finds all as it was."""
    docker.deliver = exports.in_turn(*ways)
    child = packer.start(*packer.pack_args("docker-daemon:app:1"))
    wait_for(lambda: docker.exports == len(ways))
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, stderr = child.communicate(timeout=20)
    assert child.returncode == 130, stderr
    assert time.monotonic() - began < packer.patience
    wait_for(lambda: docker.gone == 1)
    docker.deliver = exports.whole
    assert_done(packer.pack("docker-daemon:app:1", options=["--force"]))
