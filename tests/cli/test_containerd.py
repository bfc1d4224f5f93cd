"""A ctr that lies, talks too much, hangs or is not ctr at all: nobody believes its exit status."""

import json
import signal
import subprocess
import time
from types import SimpleNamespace

import ferry as support
import pytest
import runnable
from bundles import digest_of
from fake_ctr import FakeCtr

APP, DB = "docker.io/test/app:1", "docker.io/test/db:1"
OTHER = digest_of(b"another image")
DEAD = "ctr: failed to do: {}\n"


@pytest.fixture(scope="module", name="release")
def release_fixture(tmp_path_factory):
    """A bundle of two images that share a layer."""
    images = [runnable.app(APP, 300_000), runnable.app(DB)]
    path = runnable.pack(tmp_path_factory.mktemp("release") / "release.tar.zst", *images)
    return SimpleNamespace(path=path, app=images[0], db=images[1],
                           digests={each.name: each.digest for each in images})


@pytest.fixture(name="make")
def make_fixture(tmp_path):
    """make(program, version) -> a fake, of which there is one a test."""
    made = []

    def make(*arguments):
        made.append(FakeCtr(tmp_path, *arguments))
        return made[-1]
    yield make
    for fake in made:
        fake.close()


@pytest.fixture(name="fake")
def fake_for_all(make):
    return make()


@pytest.fixture(name="load")
def load_fixture(ferry, release):
    """load(fake, *options) -> what ferry said of loading the release through it."""
    def load(fake, *options, to="containerd:test"):
        done = ferry("load", release.path, "--to", to, *options, env=fake.environment)
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)
    return load


def commands(fake):
    """What was asked, without what is the same for all."""
    return [" ".join(call[call.index("--namespace") + 2:]) for call in fake.calls()]


# What it is asked


@pytest.mark.parametrize("version, options", [("1.6.20", "-"), ("1.7.24", "-"), ("2.1.9", "--local -")])
def test_the_command_lines(make, load, release, version, options):
    fake = make("ctr", version)
    done = load(fake)
    assert done.code == 0, done.err
    assert fake.state["images"] == release.digests
    look = ["images ls", "images check", "content ls -q"]
    assert commands(fake) == ["version", *look, f"images import --all-platforms {options}", *look]
    assert {tuple(call[:5]) for call in fake.calls()} == {
        ("ctr", "--address", str(fake.socket), "--namespace", "test")}
    assert f"containerd {version} at {fake.socket}, namespace test: 2 of 2 images" in done.out


def test_what_makes_images_visible_goes_last(fake, load):
    load(fake)
    assert fake.state["got"][-2:] == ["oci-layout", "index.json"]


def test_started_by_who_ignores_its_children(fake, release):
    """SIGCHLD ignored is handed down, and the kernel then keeps no exit status."""
    done = subprocess.run(
        [support.program(), "load", release.path, "--to", "containerd:test"],
        env=support.environment(fake.environment), capture_output=True, text=True, timeout=60,
        check=False, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert done.returncode == 0, done.stderr
    assert fake.state["images"] == release.digests


def test_through_k3s(make, load, release):
    fake = make("k3s")
    done = load(fake, to="containerd:k8s.io")
    assert done.code == 0, done.err
    assert fake.state["images"] == release.digests
    assert {tuple(call[:2]) for call in fake.calls()} == {("k3s", "ctr")}
    assert commands(fake)[-2:] == [f"images label {name} io.cri-containerd.pinned=pinned"
                                   for name in (APP, DB)]


def test_through_nerdctl(make, load, release):
    fake = make("nerdctl")
    assert load(fake).code == 0
    assert fake.state["images"] == release.digests
    assert commands(fake) == ["version", "images --no-trunc --format {{.Name}} {{.Digest}}",
                              "load --all-platforms",
                              "images --no-trunc --format {{.Name}} {{.Digest}}"]
    assert json.loads(load(fake, "--json").out)["sent"] == 0


def test_none_of_its_programs(make, load):
    fake = make("something-else")
    done = load(fake)
    assert (done.code, done.out) == (1, "")
    assert f"containerd listens at {fake.socket}, but none of its programs is in PATH: install " \
        "one of ctr, k3s or nerdctl, or load into a registry" in done.err


def test_what_is_there_is_not_sent(fake, load, release):
    fake.set(images=release.digests, blobs=[
        digest_of(data) for each in (release.app, release.db)
        for data in (each.manifest, each.config, *(layer.data for layer in each.layers))])
    done = load(fake, "--json")
    assert (done.code, json.loads(done.out)["sent"]) == (0, 0)
    assert "images import" not in " ".join(commands(fake))


def test_a_label_that_does_not_stick_is_told(fake, load):
    """Also of an image whose name was moved."""
    fake.set(images={APP: OTHER})
    fake.does("images label", ("complain", DEAD.format("label")), ("end", 1))
    done = load(fake, to="containerd:k8s.io")
    assert done.code == 0
    why = "not pinned: ctr ended with status 1: ctr: failed to do: label"
    assert f"loaded, read back equal; {why}" in done.out
    assert f"loaded, read back equal; it was {OTHER}; {why}" in done.out


# What it does instead of importing


LACKS = "containerd does not show it"
NOT_FOUND = "content digest sha256:x: not found"


@pytest.mark.parametrize("deeds, message", [
    ([["end", 0]], LACKS),
    ([["read", 1 << 30], ["end", 0]], LACKS),
    ([["read", 1 << 30], ["complain", DEAD.format("unpack")], ["end", 1]],
     LACKS + "; ctr ended with status 1: ctr: failed to do: unpack"),
    ([["read", 9], ["complain", DEAD.format("read")], ["end", 3]],
     LACKS + "; ctr ended with status 3: ctr: failed to do: read"),
    ([["read", 9], ["end", 3]], LACKS + "; ctr ended with status 3"),
    ([["die", 9]], LACKS + "; ctr: ended by signal 9"),
    ([["read", 1 << 30], ["die", 11]], LACKS + "; ctr: ended by signal 11"),
    ([["complain", "\x1b[2Jgone\n\x07"], ["end", 1]], r"\x1b[2Jgone; \x07"),
    ([["work", None], ["update", {"images": {APP: OTHER, DB: OTHER}}]],
     f"its name stands for {OTHER} in containerd, not for sha256:"),
    ([["work", None], ["update", {"blobs": []}]], "containerd lacks blob sha256:"),
    ([["work", None], ["update", {"packed": [APP, DB]}]],
     "containerd has it, but has not unpacked it"),
], ids=str)
def test_an_import_that_was_none(fake, load, deeds, message):
    fake.does("images import", *deeds)
    done = load(fake)
    assert done.code == 1, done.err
    assert f"test/app:1: {LACKS}" in done.err or "test/app:1: its name" in done.err or \
        "test/app:1: containerd" in done.err
    assert message in done.err
    assert "no image is in place: " in done.err


def test_one_of_two(fake, load):
    fake.does("images import", ["work", None], ["update", {"packed": [DB]}],
              ["complain", DEAD.format("no space left on device")], ["end", 1])
    done = load(fake)
    assert done.code == 5
    assert "test/app:1: loaded, read back equal" in done.err
    assert "test/db:1: containerd has it, but has not unpacked it; ctr ended with status 1: " \
        "ctr: failed to do: no space left on device" in done.err
    fake.set(behave={}, packed=[])
    done = load(fake, "--json")
    assert {image["state"] for image in json.loads(done.out)["images"]} == {"present"}


def test_blobs_that_were_collected_are_sent(fake, load, release):
    """Listed before, gone when it imports: then it gets all of them."""
    shared = digest_of(release.app.layers[0].data)
    fake.set(blobs=[shared])
    fake.does("images import", ["read", 1 << 30], ["complain", DEAD.format(NOT_FOUND)],
              ["update", {"blobs": [], "behave": {}}], ["end", 1])
    done = load(fake)
    assert done.code == 0, done.err
    assert fake.state["images"] == release.digests
    assert commands(fake).count("images import --all-platforms -") == 2
    assert f"blobs/sha256/{shared[7:]}" in fake.state["got"]


# What it says of what is there

STILL = "ctr: stood still for too long; --give-up-after gives it more than 1 s"


@pytest.mark.parametrize("command", ["images ls", "images check", "content ls"])
@pytest.mark.parametrize("text", ["", "rubbish\n" * 50, "\0\xff" * 99])
def test_rubbish_is_nothing(fake, load, release, command, text):
    """Of a wrong list nothing is believed: what it does not show is not there."""
    fake.does(command, ["say", text])
    done = load(fake)
    assert fake.state["images"] == release.digests
    assert done.code == (0 if command == "images check" else 1)


@pytest.mark.parametrize("command, deeds, message", [
    ("version", [["sleep", 60]], "ctr: stood still for too long"),
    ("version", [["complain", DEAD.format("dial")], ["end", 1]],
     "ctr ended with status 1: ctr: failed to do: dial"),
    ("version", [["flood", 1 << 20]], "ctr: prints: more than 65536 bytes"),
    ("images ls", [["sleep", 60]], "ctr: stood still for too long"),
    ("images ls", [["flood", 1 << 30]], "ctr: prints: more than 4194304 bytes"),
    ("images ls", [["complain", DEAD.format("list")], ["end", 1]],
     "namespace test: ctr ended with status 1: ctr: failed to do: list"),
    ("content ls", [["flood", 1 << 30]], "ctr: prints: more than 33554432 bytes"),
    ("content ls", [["die", 6]], "ctr: ended by signal 6"),
    ("images import", [["sleep", 60]], STILL),
    ("images import", [["read", 9], ["sleep", 60]], STILL),
    ("images import", [["read", 1 << 30], ["sleep", 60]], LACKS + "; " + STILL),
    ("images import", [["flood", 1 << 30]], "ctr: prints without end"),
], ids=str)
def test_it_is_not_waited_for(fake, load, command, deeds, message):
    fake.does(command, *deeds)
    before = time.monotonic()
    done = load(fake, "--give-up-after", "1")
    assert done.code == 1, done.err
    assert message in done.err
    assert time.monotonic() - before < 20
    assert fake.state["images"] == {}
