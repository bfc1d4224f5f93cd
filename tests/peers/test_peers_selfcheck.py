"""Proof that the fixtures do what the tests of ferry rely on."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import stack
from peers import (Docker, Podman, PeerError, Registry, TokenServer, skopeo_inspect, wait_for)

SMALL = "trap/small:1"
HERE = Path(__file__).resolve().parent


def digest(data):
    """The sha256 digest of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def basic(user, password):
    """A Basic Authorization header."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def get(registry, path, headers=None):
    """Status, headers and body of a GET from a registry or a token server."""
    url = path if path.startswith("http") else registry.url + path
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, context=registry.tls_context) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def manifest_of(registry, name, headers=None):
    """GET a manifest, any type welcome."""
    repository, _, tag = name.rpartition(":")
    return get(registry, f"/v2/{repository}/manifests/{tag}", {
        "Accept": "application/vnd.oci.image.index.v1+json", **(headers or {})})


def test_registry_holds_what_was_pushed(traps):
    told = stack.load(traps)["images"]
    with Registry() as registry:
        stack.push(traps, registry.address)
        for name, image in told.items():
            assert digest(skopeo_inspect(registry, name, raw=True)) == image["digest"], name
        assert skopeo_inspect(registry, SMALL)["Architecture"] == "amd64"
        assert any("PUT /v2/trap/small" in line for line in registry.access_log())


def test_push_again_changes_nothing(traps):
    with Registry() as registry:
        stack.push(traps, registry.address, ["trap/small:*"])
        before = len(registry.access_log())
        stack.push(traps, registry.address, ["trap/small:*"])
        assert not any("POST" in line for line in registry.access_log()[before:])


def test_registry_survives_a_kill_on_the_same_port(traps):
    with Registry() as registry:
        stack.push(traps, registry.address, [SMALL])
        port = registry.port
        registry.kill()
        assert not registry.answers()
        registry.restart()
        assert registry.port == port
        assert manifest_of(registry, SMALL)[0] == 200


def test_registry_with_passwords(traps):
    with Registry(htpasswd={"ann": "secret"}) as registry:
        stack.push(traps, registry.address, [SMALL], headers=basic("ann", "secret"))
        assert manifest_of(registry, SMALL)[0] == 401
        assert manifest_of(registry, SMALL, basic("ann", "wrong"))[0] == 401
        assert manifest_of(registry, SMALL, basic("ann", "secret"))[0] == 200


def test_registry_with_tls(traps):
    with Registry(tls=True) as registry:
        stack.push(traps, registry.address, [SMALL], tls=registry.tls_context)
        assert manifest_of(registry, SMALL)[0] == 200
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(f"{registry.url}/v2/")


def test_readonly_registry(traps, tmp_path):
    with Registry(tmp_path) as registry:
        stack.push(traps, registry.address, [SMALL])
    with Registry(tmp_path, readonly=True) as registry:
        assert manifest_of(registry, SMALL)[0] == 200
        with pytest.raises(stack.PushError, match="405"):
            stack.push(traps, registry.address, ["trap/small:2"])


def test_registry_with_tokens(traps, tmp_path):
    with Registry(tmp_path) as registry:
        stack.push(traps, registry.address, [SMALL])
    with TokenServer(users={"ann": "secret"}) as tokens, \
            Registry(tmp_path, token_auth=tokens) as registry:
        status, headers, _ = manifest_of(registry, SMALL)
        assert status == 401
        assert f'realm="{tokens.url}"' in headers["WWW-Authenticate"]
        question = f"{tokens.url}?service=x&scope=repository:trap/small:pull,push"
        assert get(registry, question, basic("ann", "wrong"))[0] == 401
        _, _, answer = get(registry, question, basic("ann", "secret"))
        bearer = {"Authorization": "Bearer " + json.loads(answer)["token"]}
        assert manifest_of(registry, SMALL, bearer)[0] == 200
        stack.push(traps, registry.address, [SMALL], headers=bearer)
        assert [request.authorization for request in tokens.requests] == [
            basic("ann", "wrong")["Authorization"], basic("ann", "secret")["Authorization"]]


def test_builds_are_identical(traps, tmp_path):
    assert stack.build(tmp_path, traps_only=True) == stack.load(traps)
    blobs = [sorted(path.name for path in (cache / "blobs" / "sha256").iterdir())
             for cache in (traps, tmp_path)]
    assert blobs[0] == blobs[1]


def test_peers_die_with_their_parent(tmp_path):
    program = ("import os, peers; registry = peers.Registry(); registry.start();"
               "print(registry._process.pid, registry._directory, flush=True); os._exit(0)")
    told = subprocess.check_output([sys.executable, "-c", program], cwd=HERE, text=True,
                                   env={**os.environ, "TMPDIR": str(tmp_path)})
    wait_for(lambda: not alive(int(told.split()[0])), seconds=5)


def alive(pid):
    """True if the process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_command_line(tmp_path):
    port_file = tmp_path / "port"
    with subprocess.Popen([sys.executable, HERE / "up.py", "registry",
                           "--port-file", port_file]) as up:
        wait_for(port_file.exists)
        url = f"http://127.0.0.1:{port_file.read_text().strip()}/v2/"
        assert urllib.request.urlopen(url).status == 200
        up.terminate()
        assert up.wait(10) == 0
    assert not port_file.exists()


def test_podman_loads(traps, tmp_path):
    stack.write_docker_archive(traps, SMALL, tmp_path / "small.tar")
    with Podman() as podman:
        assert "small:1" in podman.load(tmp_path / "small.tar")
        assert podman.image_inspect(SMALL)["Architecture"] == "amd64"


def test_docker_starts_loads_and_leaves_nothing(traps, tmp_path):
    stack.write_docker_archive(traps, SMALL, tmp_path / "small.tar")
    with Docker() as docker:
        assert docker.api("GET", "/info")["Driver"] == "overlay2"
        assert docker.load(tmp_path / "small.tar")[-1]["stream"] == f"Loaded image: {SMALL}\n"
        config = stack.load(traps)["images"][SMALL]["platforms"]["linux/amd64"]["config"]
        assert docker.api("GET", f"/images/{SMALL}/json")["Id"] == config["digest"]
        with pytest.raises(PeerError, match="404"):
            docker.api("GET", "/images/none/json")
    assert not docker.root.exists()
    assert str(docker.root) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.stack
@pytest.mark.parametrize("name, command, output", [
    ("redis:7-alpine", ["redis-server", "--version"], "Redis server v=7"),
    ("prom/prometheus:latest", ["prometheus", "--version"], "prometheus, version 2"),
    ("timescale/timescaledb:latest-pg14", ["postgres", "--version"], "PostgreSQL"),
    ("forecast-service:latest", ["--version"], "numpy"),
    ("webapp:latest", ["sh", "-c", "nginx -t 2>&1"], "test is successful"),
])
def test_programs_of_the_stack_run(whole_stack, docker, tmp_path, name, command, output):
    stack.write_docker_archive(whole_stack, name, tmp_path / "image.tar")
    docker.load(tmp_path / "image.tar")
    assert output in docker.run(name, *command)


@pytest.fixture(scope="module", name="docker")
def one_docker_for_all():
    """A daemon that the tests which only run programs share."""
    with Docker() as docker:
        yield docker
