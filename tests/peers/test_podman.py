"""`ferry load --to podman`: Podman's service and its program, for root and for a user."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from archives import OCI, Image, Member, descriptor, digest_of, hex_of, layer, oci, tar, to_json
from ferry import environment, program
from ferry import run as ferry
from podman import Podman, UserPodman
from process import Process

A, B, C = layer("a"), layer("b"), layer("c")
APP = Image("docker.io/library/app:1", [A, B], packed=True)
WEB = Image("docker.io/acme/web:2", [A, C], packed=True)
OTHER_APP = Image("docker.io/library/app:1", [C], packed=True)
INDEX_TYPE = OCI + "index.v1+json"
DOCKER = "application/vnd.docker."

HELLO = '#include <unistd.h>\nint main(void) { return write(1, "hello\\n", 6) != 6; }\n'


def pack(folder, *images, name="release"):
    """A bundle of these images."""
    archive, bundle = folder / f"{name}.tar", folder / f"{name}.tar.zst"
    archive.write_bytes(tar(oci(*images)))
    done = ferry("pack", f"oci-archive:{archive}", "-o", bundle, "--platform", "all", "--force")
    assert done.returncode == 0, done.stderr
    return bundle


@pytest.fixture(scope="module", name="bundle")
def bundle_fixture(tmp_path_factory):
    """Two images that share a layer."""
    return pack(tmp_path_factory.mktemp("podman"), APP, WEB)


@pytest.fixture(scope="module", name="root")
def root_fixture():
    """Root's podman, and its service."""
    with Podman() as podman:
        service = podman.serve()
        yield podman
        service.stop()


@pytest.fixture(scope="module", name="user")
def user_fixture():
    """Somebody's podman, and its service."""
    with UserPodman() as podman:
        service = podman.serve()
        yield podman
        service.stop()


@pytest.fixture(name="podman", params=["root", "user"])
def podman_fixture(request):
    """Either, without images."""
    podman = request.getfixturevalue(request.param)
    podman.forget_all()
    return podman


def load(bundle, podman, *options, status=0, **how):
    """Loads through the service; returns what ferry tells: JSON, or its message."""
    done = ferry("load", bundle, "--to", f"podman:{podman.socket}", "--json", *options, **how)
    assert done.returncode == status, done.stderr
    return done.stderr if status else json.loads(done.stdout)


def states(told):
    return {image["name"]: image["state"] for image in told["images"]}


def digests(podman, name):
    """All that an image is known by."""
    return {text.partition("@")[2] for text in podman.shown(name)["RepoDigests"]}


def assert_there(podman, *images):
    """Under its name, by its ID, and by its registry's digest."""
    for image in images:
        told = podman.shown(image.name)
        assert told["Id"] == hex_of(image.config)
        assert digest_of(image.manifest) in digests(podman, image.name)
        pinned = f"{image.name.rpartition(':')[0]}@{digest_of(image.manifest)}"
        assert podman.shown(pinned)["Id"] == told["Id"]


def test_loaded_twice(podman, bundle):
    """All is there, and can be pinned; then nothing is sent; before, the plan said so."""
    told = load(bundle, podman, "--dry-run")
    assert states(told) == {"app:1": "pending", "acme/web:2": "pending"}
    assert told["platform"] == "linux/amd64" and podman.names() == set()
    planned = told["plan"]["send_bytes"]
    assert {image["state"] for image in load(bundle, podman)["images"]} == {"done"}
    assert_there(podman, APP, WEB)
    again = load(bundle, podman)
    assert {image["state"] for image in again["images"]} == {"present"}
    assert again["sent"] == 0 < planned
    told = load(bundle, podman, "--dry-run")
    assert states(told) == {"app:1": "present", "acme/web:2": "present"}
    assert told["plan"]["send_bytes"] == 0


def test_what_is_shared_is_sent_once(podman, bundle):
    """Podman reuses a layer by its digest, so the second image comes without it."""
    data = sum(len(blob) for image in (APP, WEB)
               for blob in {*image.blobs, image.config, image.manifest})
    told = load(bundle, podman)
    assert told["sent"] == data - len(APP.blobs[0])
    assert_there(podman, APP, WEB)


def test_the_name_comes_back(podman, bundle):
    """An image that lost its name gets it again, and nothing is sent."""
    load(bundle, podman)
    podman.client("tag", APP.name, "docker.io/library/kept:1")
    podman.client("untag", APP.name, APP.name)
    assert APP.name not in podman.names()
    told = load(bundle, podman)
    assert states(told) == {"app:1": "done", "acme/web:2": "present"} and told["sent"] == 0
    assert_there(podman, APP, WEB)


def test_a_name_of_another_image(podman, bundle, tmp_path):
    """It says which that was, and that one stays."""
    load(pack(tmp_path, OTHER_APP), podman)
    told = load(bundle, podman)
    notes = {image["name"]: image["note"] for image in told["images"]}
    assert notes == {"app:1": f"it was {digest_of(OTHER_APP.manifest)}, "
                              "which stays without the name", "acme/web:2": ""}
    assert_there(podman, APP, WEB)
    assert podman.shown(hex_of(OTHER_APP.config))["RepoTags"] == []


def by_program(podman, bundle, *options):
    """ferry and podman as whose podman it is, without a service."""
    place = podman.root / "ferry"
    place.mkdir(exist_ok=True)
    for path in (bundle, program()):
        shutil.copy(path, place)
    path = f"{podman.program()}:{os.environ['PATH']}"
    return subprocess.run(
        [str(part) for part in podman.user(
            "env", f"PATH={path}", place / Path(program()).name, "load", place / bundle.name,
            "--to", "podman", *options)],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def test_without_a_service(podman, bundle):
    """`podman load` itself, and the same questions asked of the program."""
    done = by_program(podman, bundle)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loaded, read back equal") == 2
    assert "by its own program" in done.stdout
    assert_there(podman, APP, WEB)
    podman.client("tag", APP.name, "docker.io/library/kept:1")
    podman.client("untag", APP.name, APP.name)
    done = by_program(podman, bundle, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert states(told) == {"app:1": "done", "acme/web:2": "present"} and told["sent"] == 0
    assert_there(podman, APP, WEB)


def test_an_index_is_kept(podman, tmp_path):
    """Its digest works as a pin, and of the platforms podman gets its own."""
    arm = Image(APP.name, [C], architecture="arm64", packed=True)
    nested = to_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
        {**descriptor(OCI + "manifest.v1+json", image.manifest),
         "platform": {"os": "linux", "architecture": image.architecture}}
        for image in (arm, APP)]})
    members = {member.name: member for member in oci(APP, arm)}
    members["blobs/sha256/" + hex_of(nested)] = Member("blobs/sha256/" + hex_of(nested), nested)
    members["index.json"] = Member("index.json", to_json({
        "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
            {**descriptor(INDEX_TYPE, nested),
             "annotations": {"org.opencontainers.image.ref.name": APP.name}}]}))
    (tmp_path / "n.tar").write_bytes(tar(members.values()))
    assert ferry("pack", f"oci-archive:{tmp_path / 'n.tar'}", "--platform", "all",
                 "-o", tmp_path / "n.tar.zst").returncode == 0
    told = load(tmp_path / "n.tar.zst", podman)
    assert told["sent"] == sum(map(len, (*APP.blobs, APP.config, APP.manifest, nested)))
    assert digests(podman, APP.name) == {digest_of(nested), digest_of(APP.manifest)}
    assert_there(podman, APP)
    assert load(tmp_path / "n.tar.zst", podman)["sent"] == 0


def test_docker_manifests_and_names_without_a_tag(root, tmp_path):
    """Both keep their digests."""
    root.forget_all()
    manifest = to_json({
        "schemaVersion": 2, "mediaType": DOCKER + "distribution.manifest.v2+json",
        "config": descriptor(DOCKER + "container.image.v1+json", APP.config),
        "layers": [descriptor(DOCKER + "image.rootfs.diff.tar.gzip", blob)
                   for blob in APP.blobs]})
    folder = tmp_path / "layout"
    for member in (*oci(APP, WEB), Member("blobs/sha256/" + hex_of(manifest), manifest)):
        if not member.name.endswith("/"):
            (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / member.name).write_bytes(member.data)
    bare = f"docker.io/acme/web@{digest_of(WEB.manifest)}"
    entries = [{**descriptor(DOCKER + "distribution.manifest.v2+json", manifest),
                "annotations": {"org.opencontainers.image.ref.name": APP.name}},
               {**descriptor(OCI + "manifest.v1+json", WEB.manifest),
                "annotations": {"org.opencontainers.image.ref.name": bare}}]
    (folder / "index.json").write_bytes(to_json({"schemaVersion": 2, "manifests": entries}))
    done = ferry("pack", f"oci:{folder}", "-o", tmp_path / "b.tar.zst")
    assert done.returncode == 0, done.stderr
    load(tmp_path / "b.tar.zst", root)
    assert digests(root, APP.name) == {digest_of(manifest)}
    assert root.shown(bare)["Id"] == hex_of(WEB.config)
    assert load(tmp_path / "b.tar.zst", root)["sent"] == 0


@pytest.fixture(scope="module", name="hello")
def hello_fixture(tmp_path_factory):
    """A bundle of one image that runs."""
    folder = tmp_path_factory.mktemp("hello")
    (folder / "hello.c").write_text(HELLO)
    subprocess.run(["gcc", "-static", "-Os", "-s", "-o", folder / "hello", folder / "hello.c"],
                   check=True)
    data = tar([Member("hello", (folder / "hello").read_bytes(), head={"mode": 0o755})])
    return pack(folder, Image("docker.io/library/hello:1", [data], packed=True))


def test_it_runs(podman, hello):
    """podman run of what was loaded."""
    load(hello, podman)
    assert podman.run("docker.io/library/hello:1", "/hello") == "hello\n"


def test_from_a_pipe(root, bundle):
    """One archive of all, of which podman keeps the IDs; the notes say so."""
    root.forget_all()
    for state, sent in (("done", True), ("present", False)):
        with open(bundle, "rb") as stream:
            done = subprocess.run([program(), "load", "-", "--to", f"podman:{root.socket}",
                                   "--json"], stdin=stream, env=environment(),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 0, done.stderr.decode()
        told = json.loads(done.stdout)
        for image, wanted in zip(told["images"], (WEB, APP)):
            assert image["state"] == state
            assert image["note"] == f"only its image ID is kept: {digest_of(wanted.config)}"
            assert root.shown(wanted.name)["Id"] == hex_of(wanted.config)
        assert (told["sent"] > 0) == sent
    load(bundle, root)
    assert_there(root, APP, WEB)


def test_asked_as_if_it_were_docker(root, bundle):
    """It is told what loads into this very podman."""
    done = ferry("load", bundle, "--to", f"docker-daemon:{root.socket}")
    assert done.returncode == 1
    assert f"--to podman:{root.socket} loads into it" in done.stderr


def test_the_next_release_from_a_pipe(root, bundle, tmp_path):
    """What podman has of it is no reason to leave it out: Docker's part has to be whole."""
    root.forget_all()
    load(bundle, root)
    new = [Image("docker.io/library/new:1", [A, layer("new")], packed=True),
           Image("docker.io/library/newer:1", [B, layer("newer")], packed=True)]
    with open(pack(tmp_path, WEB, *new), "rb") as stream:
        done = subprocess.run([program(), "load", "-", "--to", f"podman:{root.socket}", "--json"],
                              stdin=stream, env=environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert states(json.loads(done.stdout)) == {"acme/web:2": "present", "new:1": "done", "newer:1": "done"}
    for image in new:
        assert root.shown(image.name)["Id"] == hex_of(image.config)


def large_images(count=4, size=1_500_000):
    """Images that take podman a while."""
    return [Image(f"docker.io/library/large{n}:1", [tar([
        Member(f"{n}-{i}", random.Random(10 * n + i).randbytes(size))]) for i in range(2)],
        packed=True) for n in range(count)]


def test_a_service_that_dies(tmp_path):
    """At several moments; the same command finishes, with a new service."""
    images = large_images()
    bundle = pack(tmp_path, *images)
    failed = 0
    with Podman() as podman:
        service = podman.serve()
        for seconds in (0.05, 0.2, 0.4, 0.7):
            child = subprocess.Popen([program(), "load", bundle, "--to",
                                      f"podman:{podman.socket}"], env=environment(),
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(seconds)
            service.kill()
            told, _ = child.communicate(timeout=60)
            assert child.returncode in (0, 1, 5), told
            failed += child.returncode != 0 and "podman" in told
            service = podman.serve()
            assert_there(podman, *(image for image in images if image.name in podman.names()))
        told = load(bundle, podman)
        assert failed and set(states(told).values()) <= {"done", "present"}
        assert_there(podman, *images)
        service.stop()


def test_a_disk_that_is_full(tmp_path):
    """Podman's own words; what is there stays, and with room the same command finishes."""
    images = large_images()
    bundle = pack(tmp_path, *images)
    disk = Path(tempfile.mkdtemp(dir="/var/tmp"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", disk], check=True)
    try:
        with Podman(disk) as podman:
            podman.driver = "vfs"
            service = podman.serve()
            told = load(bundle, podman, status=5)
            assert "podman says" in told and "no space left on device" in told
            assert 0 < len(podman.names()) < len(images)
            assert_there(podman, *(image for image in images if image.name in podman.names()))
            subprocess.run(["mount", "-o", "remount,size=90m", disk], check=True)
            load(bundle, podman)
            assert_there(podman, *images)
            service.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
        disk.rmdir()


@pytest.mark.parametrize("way", [lambda bundle, podman: ferry(
    "load", bundle, "--to", f"podman:{podman.socket}"), lambda bundle, podman: by_program(
        podman, bundle)], ids=["service", "program"])
def test_damage_in_the_last_blob(root, bundle, tmp_path, way):
    """Nothing is under the name of that image; the others are there."""
    root.forget_all()
    data = bytearray(bundle.read_bytes())
    last = max((APP.blobs[1], WEB.blobs[1]), key=data.index)
    data[data.index(last) + 30] ^= 1
    (tmp_path / "broken.tar.zst").write_bytes(data)
    done = way(tmp_path / "broken.tar.zst", root)
    assert done.returncode == 3, done.stderr
    broken, whole = (APP, WEB) if last in APP.blobs else (WEB, APP)
    assert root.names() == {whole.name}
    assert_there(root, whole)
    assert "1 of 2 images not in place" in done.stderr and broken.name.rpartition("/")[2] in done.stderr


def test_no_permission(root, user, bundle):
    """Root's socket is not for everybody; it says whose podman there is besides."""
    root.socket.chmod(0o600)
    root.root.chmod(0o755)
    place = user.root / "ferry"
    place.mkdir(exist_ok=True)
    for path in (bundle, program()):
        shutil.copy(path, place)
    done = subprocess.run(
        [str(part) for part in user.user(place / Path(program()).name, "load",
                                         place / bundle.name, "--to", f"podman:{root.socket}")],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert str(root.socket) in done.stderr and "ermission" in done.stderr


def test_the_wrong_platform(root, tmp_path):
    """Podman is asked what it runs on."""
    root.forget_all()
    arm = Image("docker.io/library/app:1", [A], architecture="arm64", packed=True)
    told = load(pack(tmp_path, arm), root, status=4)
    assert "linux/arm64" in told and "the machine that podman runs on is linux/amd64" in told
    assert root.names() == set()


ACTIVATE = """
import os, select, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
select.select([listener], [], [])
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="podman")
os.execvp(sys.argv[2], sys.argv[2:])
"""


def test_started_by_its_socket(root, bundle):
    """As systemd does it: the service begins with the first connection."""
    root.forget_all()
    socket = root.root / "activated.sock"
    command = [*root.command(), "system", "service", "--time=0"]
    service = Process([sys.executable, "-c", ACTIVATE, socket, *command],
                      root.root / "activated.log")
    service.wait_until(socket.exists)
    done = ferry("load", bundle, "--to", f"podman:{socket}")
    service.stop()
    assert done.returncode == 0, done.stderr
    assert_there(root, APP, WEB)


def test_it_is_found(root, bundle):
    """The one runtime on this machine, without --to; and where CONTAINER_HOST says."""
    root.forget_all()
    alone = ("mount -t tmpfs none /run && mkdir /run/podman && ln -s \"$1\" "
             "/run/podman/podman.sock && shift && exec \"$@\"")
    for options in ([], ["--to", "podman"]):
        done = subprocess.run(["unshare", "--mount", "sh", "-c", alone, "sh", root.socket,
                               program(), "load", bundle, "--json", *options],
                              env=environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert_there(root, APP, WEB)
    done = ferry("load", bundle, "--to", "podman", "--json",
                 env={"CONTAINER_HOST": f"unix://{root.socket}"})
    assert done.returncode == 0 and json.loads(done.stdout)["sent"] == 0, done.stderr
