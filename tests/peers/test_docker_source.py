"""Out of a real Docker into a bundle, and on from there."""

import json
import os
import signal
import subprocess
import time

import ferry as support
import pytest
from certificates import self_signed
from job import digest_of
from mishaps import unpack
from peers import (Certificate, Docker, Podman, client_certificate, free_port,
                   server_certificate, skopeo_inspect, wait_for)

LAYERS = 9


@pytest.fixture(scope="module", name="docker")
def docker_fixture():
    """One daemon for all; it logs what it is asked."""
    with Docker(options=["--debug"]) as docker:
        yield docker


@pytest.fixture(scope="module", name="loaded")
def loaded_fixture(docker, bundle):
    """The stack, in Docker."""
    done = support.run("load", bundle, "--to", f"docker-daemon:{docker.socket}")
    assert done.returncode == 0, done.stderr
    return docker


@pytest.fixture(scope="module", name="built")
def built_fixture(docker, tmp_path_factory):
    """An image of many layers that Docker has built itself, and a larger one upon it."""
    folder = tmp_path_factory.mktemp("context")
    lines = ["FROM scratch"]
    for n in range(LAYERS):
        (folder / f"file{n}").write_bytes(os.urandom(20_000 + n))
        lines.append(f"COPY file{n} /file{n}")
    build(docker, folder, "built:1", lines)
    (folder / "large").write_bytes(os.urandom(120 << 20))
    build(docker, folder, "large:1", ["FROM built:1", "COPY large /large"])
    return docker


def build(docker, folder, tag, lines):
    """As the `docker build` that needs no plug-in."""
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    before = os.environ.get("DOCKER_BUILDKIT")
    os.environ["DOCKER_BUILDKIT"] = "0"
    try:
        docker.client("build", "-t", tag, folder)
    finally:
        del os.environ["DOCKER_BUILDKIT"]
        if before is not None:
            os.environ["DOCKER_BUILDKIT"] = before


@pytest.fixture(name="pack")
def pack_fixture(docker, ferry, tmp_path):
    """pack(*images) -> the bundle's path, or what went wrong where a STATUS is expected."""
    def pack(*images, name="b.tar.zst", status=0, env=None, options=()):
        path = tmp_path / name
        done = ferry("pack", *images, "-o", path, *options,
                     env={"DOCKER_HOST": f"unix://{docker.socket}", **(env or {})})
        assert done.returncode == status, done.stderr
        return done if status else path
    return pack


def exports(docker, since=0):
    """The images whose exports were asked for."""
    return [call.removeprefix("GET /images/").removesuffix("/get")
            for call in docker.calls()[since:] if call.endswith("/get")]


# The stack


def test_the_stack_out_of_docker(source, loaded, pack, ferry, target):
    """Two exports an image; each image is the one that Docker had got, in any other place."""
    before = len(loaded.calls())
    names = source.references()
    path = pack(*(f"docker-daemon:{name}" for name in names))
    asked = exports(loaded, before)
    assert set(asked) == set(names) and all(asked.count(name) <= 2 for name in names)
    assert ferry("verify", path).returncode == 0
    done = ferry("load", path, "--to", target.address, "--any-host")
    assert done.returncode == 0, done.stderr
    for name in source.names:
        manifest = json.loads(skopeo_inspect(target, name, raw=True))
        assert manifest["config"]["digest"] == source.manifest(name)["config"]["digest"]
    again = ferry("load", path, "--to", f"docker-daemon:{loaded.socket}")
    assert again.stdout.count("there already, equal") == len(names), again.stderr


def test_what_comes_back_into_docker_runs(source, loaded, pack, ferry):
    name = source.reference("redis:7-alpine")
    path = pack(f"docker-daemon:{name}")
    loaded.client("rmi", "-f", name)
    done = ferry("load", path, "--to", f"docker-daemon:{loaded.socket}")
    assert done.returncode == 0 and "loaded, read back equal" in done.stdout, done.stderr
    assert "Redis server v=7" in loaded.run(name, "redis-server", "--version")


# One image


def test_many_layers_in_two_exports(built, pack, ferry):
    """Docker has them in the order of their IDs."""
    before = len(built.calls())
    path = pack("docker-daemon:built:1")
    assert exports(built, before) == ["built:1", "built:1"]
    assert ferry("verify", path).returncode == 0


def test_images_that_share_layers_in_two_exports_each(built, pack, ferry):
    before = len(built.calls())
    path = pack("docker-daemon:built:1", "docker-daemon:large:1")
    assert sorted(exports(built, before)) == ["built:1"] * 2 + ["large:1"] * 2
    assert ferry("verify", path).returncode == 0


def test_the_same_bytes_from_docker_and_from_docker_save(built, pack, tmp_path):
    archive = tmp_path / "saved.tar"
    built.client("save", "-o", archive, "built:1")
    found = built.client("images", "-q", "built:1").strip()
    paths = [pack(image, name=f"{n}.tar.zst") for n, image in enumerate([
        "docker-daemon:built:1", "docker-daemon:built:1", f"docker-archive:{archive}",
        f"docker-daemon:{found} => built:1"])]
    assert len({digest_of(path.read_bytes()) for path in paths}) == 1


def test_layers_are_those_of_docker(built, pack):
    members = unpack(pack("docker-daemon:built:1"))
    layers = built.api("GET", "/images/built:1/json")["RootFS"]["Layers"]
    assert len(layers) == LAYERS
    for layer in layers:
        assert digest_of(members["blobs/sha256/" + layer.removeprefix("sha256:")]) == layer


def test_a_lock_holds_an_image_of_docker(built, pack, tmp_path):
    lock = tmp_path / "lock.json"
    built.client("tag", "built:1", "locked:1")
    first = pack("docker-daemon:locked:1", options=["--lock", lock])
    assert pack("-f", lock, name="again.tar.zst").read_bytes() == first.read_bytes()
    built.client("tag", "large:1", "locked:1")
    done = pack("-f", lock, name="other.tar.zst", status=1)
    assert "cannot be packed; nothing was pulled" in done.stderr


def test_what_docker_does_not_have(built, pack):
    done = pack("docker-daemon:nobody/has:this", status=1)
    assert f"docker-daemon:nobody/has:this: Docker at {built.socket} has no such image" in \
        done.stderr


def test_another_platform_costs_no_export(built, pack):
    before = len(built.calls())
    done = pack("docker-daemon:built:1", status=4, options=["--platform", "linux/arm64"])
    assert "no linux/arm64; it has linux/amd64" in done.stderr
    assert exports(built, before) == []


# Interruptions


@pytest.mark.parametrize("export", [1, 2], ids=["in the plan", "in the pack"])
def test_an_interruption_leaves_docker_as_it_was(built, pack, tmp_path, export):
    """Its temporary files go, and it answers as before."""
    before = len(built.calls())
    command = ["pack", "docker-daemon:large:1", "-o", tmp_path / "cut.tar.zst"]
    child = subprocess.Popen(
        ["env", "--default-signal=INT", support.program(), *map(str, command)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
        env=support.environment({"DOCKER_HOST": f"unix://{built.socket}"}))
    wait_for(lambda: len(exports(built, before)) == export or child.poll() is not None)
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=20)
    assert child.returncode == 130, stderr
    wait_for(lambda: not list((built.root / "data" / "tmp").glob("docker-export-*")))
    assert built.answers()
    pack("docker-daemon:large:1", name="whole.tar.zst")


# TLS


@pytest.fixture(scope="module", name="secured")
def secured_fixture(tmp_path_factory):
    """A daemon that listens at a TCP port, to those with a certificate, and has an image."""
    folder = tmp_path_factory.mktemp("tls")
    server = server_certificate(folder)
    authority = Certificate(server.authority, folder / "authority.key", server.authority)
    client = client_certificate(folder, authority)
    port = free_port()
    options = ["--tlsverify", "--tlscacert", server.authority, "--tlscert", server.certificate,
               "--tlskey", server.key, "--host", f"tcp://127.0.0.1:{port}"]
    certs = folder / "certs"
    certs.mkdir()
    for name, path in [("ca", server.authority), ("cert", client.certificate),
                       ("key", client.key)]:
        (certs / f"{name}.pem").write_bytes(path.read_bytes())
    with Docker(options=options) as docker:
        docker.address, docker.certs = f"127.0.0.1:{port}", certs
        (folder / "file").write_text("over TLS\n")
        build(docker, folder, "secured:1", ["FROM scratch", "COPY file /file"])
        yield docker


def by_variables(docker, certs=None):
    """What names it to Docker's own program."""
    return {"DOCKER_HOST": f"tcp://{docker.address}", "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": certs or docker.certs}


def test_over_tls_by_variables(secured, pack, ferry):
    env = by_variables(secured)
    path = pack("docker-daemon:secured:1", env=env)
    done = ferry("load", path, "--to", "docker", env=env)
    assert done.returncode == 0 and "there already, equal" in done.stdout, done.stderr
    assert f"Docker at {secured.address}: 1 of 1 image in place" in done.stdout
    secured.client("rmi", "secured:1")
    done = ferry("load", path, env=env)
    assert done.returncode == 0 and "loaded, read back equal" in done.stdout, done.stderr


@pytest.mark.parametrize("how", ["by name", "in use"])
def test_over_tls_by_a_context(secured, pack, ferry, monkeypatch, tmp_path, how):
    """As Docker's own program writes it."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    files = ",".join(f"{name}={secured.certs / name}.pem" for name in ("ca", "cert", "key"))
    secured.client("context", "create", "far", "--docker",
                   f"host=tcp://{secured.address},{files}")
    env = {"DOCKER_HOST": None, "DOCKER_CONFIG": tmp_path / "config"}
    if how == "by name":
        env["DOCKER_CONTEXT"] = "far"
    else:
        config = tmp_path / "config" / "config.json"
        known = json.loads(config.read_text()) if config.exists() else {}
        config.write_text(json.dumps({**known, "currentContext": "far"}))
    secured.client("tag", image_id(secured), "secured:1")
    path = pack("docker-daemon:secured:1", env=env)
    secured.client("rmi", "secured:1")
    done = ferry("load", path, env=env)
    assert done.returncode == 0 and "loaded, read back equal" in done.stdout, done.stderr
    assert f"Docker at {secured.address}: 1 of 1 image in place" in done.stdout


def image_id(docker):
    """Of the one image that has a file and no parent."""
    return docker.api("GET", "/images/json")[0]["Id"]


def test_certificates_that_do_not_do(secured, pack, tmp_path):
    """Neither side believes anybody."""
    for name in ("cert", "key"):
        (tmp_path / f"{name}.pem").write_bytes((secured.certs / f"{name}.pem").read_bytes())
    done = pack("docker-daemon:secured:1", env=by_variables(secured, tmp_path), status=1)
    assert f"DOCKER_TLS_VERIFY is set, and there is no ca.pem in {tmp_path}" in done.stderr
    stranger = self_signed(tmp_path, "stranger")
    (tmp_path / "ca.pem").write_bytes(stranger.certificate.read_bytes())
    done = pack("docker-daemon:secured:1", env=by_variables(secured, tmp_path), status=1)
    assert f"{secured.address}: its TLS certificate is not trusted: " in done.stderr
    assert "let ca.pem, in DOCKER_CERT_PATH or beside the context, have" in done.stderr
    pack("docker-daemon:secured:1",
         env={**by_variables(secured, tmp_path), "DOCKER_TLS_VERIFY": None, "DOCKER_TLS": "1"})
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    (nobody / "ca.pem").write_bytes((secured.certs / "ca.pem").read_bytes())
    done = pack("docker-daemon:secured:1", env=by_variables(secured, nobody), status=1,
                name="b2")
    assert "it wants another client certificate, or any: see cert.pem and key.pem" in done.stderr


def test_without_tls_docker_says_what_is_missing(secured, pack):
    done = pack("docker-daemon:secured:1", env={"DOCKER_HOST": f"tcp://{secured.address}"},
                status=1)
    assert "Docker answers with status 400: Client sent an HTTP request to an HTTPS server." in \
        done.stderr


# Podman answers at a socket of its own, in Docker's words


def test_podman_in_dockers_stead(built, pack, tmp_path):
    archive = tmp_path / "saved.tar"
    built.client("save", "-o", archive, "built:1")
    with Podman() as podman:
        podman.load(archive)
        service = podman.serve()
        try:
            path = pack("docker-daemon:built:1", name="podman.tar.zst",
                        env={"DOCKER_HOST": f"unix://{podman.socket}"})
        finally:
            service.stop()
    assert path.read_bytes() == pack("docker-daemon:built:1").read_bytes()
