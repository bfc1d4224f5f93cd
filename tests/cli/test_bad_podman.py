"""Podmans that take a release badly; tests/peers/test_podman.py has the real one."""

import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

import pytest

from archives import Image, digest_of, hex_of, layer, oci, tar
from fake_docker import FakeDocker
from ferry import run

A, B, C = layer("a"), layer("b"), layer("c")
APP = Image("docker.io/library/app:1", [A, B], packed=True)
WEB = Image("docker.io/acme/web:2", [A, C], packed=True)
API = "/v4.0.0/libpod"
INFO = {"host": {"arch": "amd64", "os": "linux", "security": {"rootless": True}},
        "store": {"graphRoot": "/var/empty", "imageCopyTmpDir": "/var/empty"},
        "version": {"Version": "4.3.1"}}


class FakePodman(ThreadingMixIn, UnixStreamServer):
    """Images by name, as it tells of them; `edit` changes what it tells."""

    daemon_threads = True

    def __init__(self, folder):
        self.path = folder / "podman.sock"
        self.images = {}
        self.loads = []                         # the members of each archive
        self.info = INFO
        self.refuse = lambda method, path: None     # or (status, body)
        self.edit = lambda image: image
        super().__init__(str(self.path), Handler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def load(self, archive):
        """Takes an OCI layout of one image."""
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            data = {member.name: members.extractfile(member).read() for member in members}
        self.loads.append(set(data))
        (entry,) = json.loads(data["index.json"])["manifests"]
        manifest = data["blobs/sha256/" + entry["digest"][7:]]
        config = json.loads(data["blobs/sha256/" + json.loads(manifest)["config"]["digest"][7:]])
        name = entry["annotations"]["org.opencontainers.image.ref.name"]
        self.images[name] = {
            "Id": json.loads(manifest)["config"]["digest"][7:], "Os": config["os"],
            "Architecture": config["architecture"], "RepoTags": [name],
            "Digest": "sha256:" + hashlib.sha256(manifest).hexdigest(), "RepoDigests": []}
        return {"Names": [name]}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):  # pylint: disable=arguments-differ
        """Nobody reads it."""

    def do_GET(self):   # pylint: disable=invalid-name
        self._serve(b"")

    def do_POST(self):  # pylint: disable=invalid-name
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, body):
        path = self.path.removeprefix(API)
        refusal = self.server.refuse(self.command, path)
        if refusal:
            self._answer(*refusal)
        elif path == "/info":
            self._answer(200, self.server.info)
        elif path == "/images/load":
            self._answer(200, self.server.load(body))
        else:
            name = path.removeprefix("/images/").removesuffix("/json")
            image = self.server.images.get(name)
            if image:
                self._answer(200, self.server.edit(image))
            else:
                self._answer(404, {"cause": "image not known", "message": "no such image",
                                   "response": 404})

    def _answer(self, status, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(scope="module", name="bundle")
def bundle_fixture(tmp_path_factory):
    """Two images that share a layer."""
    folder = tmp_path_factory.mktemp("bad-podman")
    (folder / "a.tar").write_bytes(tar(oci(APP, WEB)))
    assert run("pack", f"oci-archive:{folder / 'a.tar'}", "-o", folder / "b").returncode == 0
    return folder / "b"


@pytest.fixture(name="podman")
def podman_fixture(tmp_path):
    with FakePodman(tmp_path) as podman:
        yield podman


def load(bundle, podman, status):
    """What ferry says on standard error."""
    done = run("load", bundle, "--to", f"podman:{podman.path}")
    assert done.returncode == status, done.stderr
    return done.stderr


def failing(message, status=500):
    return status, {"cause": message, "message": message, "response": status}


def test_a_good_one(bundle, podman):
    """The shared layer comes once."""
    load(bundle, podman, 0)
    assert podman.images.keys() == {APP.name, WEB.name}
    shared = "blobs/sha256/" + hex_of(APP.blobs[0])
    assert [shared in members for members in podman.loads] == [True, False]
    assert all("manifest.json" not in members for members in podman.loads)


@pytest.mark.parametrize("edit, why", [
    (lambda image: {**image, "Id": "0" * 64}, f"podman has image {'0' * 64} under this name"),
    (lambda image: {**image, "Architecture": "arm64"}, "podman shows it as linux/arm64"),
    (lambda image: {**image, "Digest": "sha256:" + "1" * 64},
     f"podman knows it by sha256:{'1' * 64}, and not by sha256:"),
    (lambda image: {}, '"Id" is missing'),
    (lambda image: [image], "no JSON object"),
    (lambda image: b"<html>", "no valid JSON"),
], ids=["other", "platform", "digest", "empty", "list", "html"])
def test_what_it_shows_is_not_believed_blindly(bundle, podman, edit, why):
    """What was loaded is read back."""
    podman.edit = lambda image: edit(image) if len(podman.loads) else image
    assert why in load(bundle, podman, 1)


def test_it_says_yes_and_has_nothing(bundle, podman):
    podman.refuse = lambda method, path: (200, {"Names": []}) if path == "/images/load" else None
    assert "podman does not show it after loading" in load(bundle, podman, 1)


def test_its_own_words(bundle, podman):
    """Of all the formats that it has tried, what it says of ours; the other image gets there."""
    message = ("unable to load image: payload does not match any of the supported image formats:"
               "\n * oci: not a directory\n * oci-archive: no space left on \x1b[1mdevice"
               "\n * docker-archive: no manifest.json")
    podman.refuse = lambda method, path: (
        failing(message) if path == "/images/load" and not podman.refused.append(1)
        and len(podman.refused) == 1 else None)
    podman.refused = []
    told = load(bundle, podman, 5)
    assert "podman says: no space left on \\x1b[1mdevice\n" in told
    assert "docker-archive" not in told and len(podman.images) == 1


def test_a_layer_that_has_gone(bundle, podman):
    """Left out since it was there, and then missed: all is sent once more."""
    def refuse(method, path):
        if path == "/images/load" and len(podman.loads) == 1 and not podman.refused:
            podman.refused = True
            return failing("oci-archive: reading blob: no such file or directory")
        return None
    podman.refused, podman.refuse = False, refuse
    told = load(bundle, podman, 0)
    assert "once more with all of its layers: podman says: reading blob: no such file" in told
    shared = "blobs/sha256/" + hex_of(APP.blobs[0])
    assert [shared in members for members in podman.loads] == [True, True]


@pytest.mark.parametrize("info, why", [
    ({}, '"host" is missing'), (b"<html>", "no valid JSON"), (b"", "no valid JSON: it is empty"),
    ({**INFO, "host": {"os": "linux", "arch": "../x"}}, "info: "),
    ({**INFO, "version": 4}, '"version" is no object'),
])
def test_who_it_is(bundle, podman, info, why):
    podman.info = info
    assert why in load(bundle, podman, 1)
    assert podman.loads == []


@pytest.mark.parametrize("answer", [(404, b"404 page not found\n"), (500, b"x" * 100_000),
                                    (404, {"message": "page not found"}), (301, b"")])
def test_something_else_listens(bundle, podman, answer):
    podman.refuse = lambda method, path: answer
    assert f"what listens at {podman.path} is no podman: it answers with status {answer[0]}" in \
        load(bundle, podman, 1)


def test_docker_listens(bundle, tmp_path):
    with FakeDocker(tmp_path) as docker:
        docker.path = docker.socket_path
        assert "is no podman" in load(bundle, docker, 1)


def test_the_wrong_platform(bundle, podman):
    podman.info = {**INFO, "host": {"os": "linux", "arch": "arm64"}}
    told = load(bundle, podman, 4)
    assert "the machine that podman runs on is linux/arm64/v8" in told or \
        "the machine that podman runs on is linux/arm64" in told
    assert podman.loads == []


# podman's own program

ANSWER = json.dumps(INFO)
PROGRAMS = {
    "fails": ("echo Error: no such thing >&2; exit 125", "podman says: no such thing"),
    "silent": ("exit 3", "podman ends with status 3 and without a word"),
    "no json": ("echo hello", "podman info: no valid JSON"),
    "killed": ("kill -9 $$", "podman"),
    "much": ("head -c 20000000 /dev/zero", "podman"),
    "load fails": (f"case $1$2 in info*) echo '{ANSWER}';; image*) exit 1;; "
                   "*) echo Error: no space left on device >&2; exit 125;; esac",
                   "podman says: no space left on device"),
    "load reads all and fails": (
        f"case $1$2 in info*) echo '{ANSWER}';; image*) exit 1;; "
        "*) cat >/dev/null; printf 'Getting image\\nError: no good\\n' >&2; exit 125;; esac",
        "no good"),
    "load does nothing": (f"case $1$2 in info*) echo '{ANSWER}';; image*) exit 1;; "
                          "*) cat >/dev/null;; esac", "podman does not show it after loading"),
    "image exists fails": (f"case $1$2 in info*) echo '{ANSWER}';; "
                           "*) echo Error: locked >&2; exit 125;; esac", "podman says: locked"),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_a_bad_program(bundle, tmp_path, case):
    """Whatever it does, it is an error with its words."""
    text, why = PROGRAMS[case]
    (tmp_path / "podman").write_text(f"#!/bin/sh\n{text}\n")
    (tmp_path / "podman").chmod(0o755)
    done = run("load", bundle, "--to", "podman",
               env={"PATH": f"{tmp_path}:/usr/bin:/bin", "XDG_RUNTIME_DIR": tmp_path})
    assert done.returncode == 1, done.stderr
    assert why in done.stderr


def test_no_podman_at_all(bundle, tmp_path):
    done = run("load", bundle, "--to", "podman",
               env={"PATH": str(tmp_path), "XDG_RUNTIME_DIR": tmp_path})
    assert done.returncode == 1
    assert "no podman here: nobody listens at " in done.stderr
    assert "--to podman:SOCKET names another" in done.stderr


def test_nobody_at_that_socket(bundle, tmp_path):
    """The program is not tried, which may be another podman; how to have one answer is told."""
    done = run("load", bundle, "--to", f"podman:{tmp_path}/p.sock")
    assert done.returncode == 1
    assert f"{tmp_path}/p.sock: no such socket" in done.stderr
    assert "'podman system service' has podman answer" in done.stderr


@pytest.mark.parametrize("host, why", [
    ("ssh://core@host/run/podman.sock", "CONTAINER_HOST"),
    ("unix:///nowhere/podman.sock", "/nowhere/podman.sock"), ("nonsense://x", "CONTAINER_HOST")])
def test_container_host(bundle, host, why):
    """What it names is meant, and nothing else is tried."""
    done = run("load", bundle, "--to", "podman", env={"CONTAINER_HOST": host})
    assert done.returncode in (1, 2) and why in done.stderr


def test_damage_reaches_nobody(bundle, podman, tmp_path):
    """The request is broken off before index.json, and the other image gets there."""
    data = bytearray(bundle.read_bytes())
    last = max((APP.blobs[1], WEB.blobs[1]), key=data.index)
    data[data.index(last) + 30] ^= 1
    (tmp_path / "broken").write_bytes(data)
    assert "the bundle is damaged" in load(tmp_path / "broken", podman, 3)
    whole = WEB if last in APP.blobs else APP
    assert podman.images.keys() == {whole.name}
    assert podman.images[whole.name]["Digest"] == digest_of(whole.manifest)
