"""Pulled out of `ferry serve` by everybody who pulls, at the same time."""

import concurrent.futures
import hashlib
import json
from dataclasses import dataclass

import pytest

from job import AMD64, Watch
from peers import Docker, Podman, server_certificate
from process import run
from serving import Server

# gzip, zstd and plain layers; and indexes with all that is in them.
SINGLE = ("redis:7-alpine", "trap/zstd-layer:1", "trap/plain-tar:1")
WHOLE = ("trap/small:1", "trap/small:2")


@dataclass
class World:
    """A server, and which digest each name has in it."""

    server: Server
    digests: dict       # "redis:7-alpine" -> of the manifest, or of the index

    def name(self, image):
        return f"{self.server.address}/{image}"


@pytest.fixture(scope="module", name="bundles")
def bundles_fixture(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    return [source.pack(folder / "single", *SINGLE),
            source.pack(folder / "whole", *WHOLE, options=["--platform", "all"])]


@pytest.fixture(scope="module", name="world")
def world_fixture(source, bundles):
    with Server(*bundles) as server:
        digests = {row["name"]: row["digest"] for row in server.document["images"]}
        assert digests == {**{name: source.digest(name) for name in SINGLE},
                           **{name: source.images[name]["digest"] for name in WHOLE}}
        yield World(server, digests)


@pytest.fixture(scope="module", name="docker")
def docker_fixture():
    with Docker() as docker:
        yield docker


@pytest.fixture(scope="module", name="podman")
def podman_fixture():
    with Podman() as podman:
        yield podman


def pull_by_docker(docker, name):
    docker.client("pull", name)
    (reference,) = docker.api("GET", f"/images/{name}/json")["RepoDigests"]
    return reference.partition("@")[2]


def pull_by_ctr(docker, name):
    ctr = ["ctr", "--address", docker.root / "containerd.sock", "--namespace", "serve", "images"]
    run(*ctr, "pull", "--plain-http", name)
    lines = [line.split() for line in run(*ctr, "ls").splitlines()]
    (digest,) = [words[2] for words in lines if words[0] == name]
    return digest


def pull_by_podman(podman, name):
    podman.client("pull", "--tls-verify=false", name)
    return podman.image_inspect(name)["Digest"]


def pull_by_skopeo(folder, name, *options):
    """The digest of what came; skopeo has checked that of each blob."""
    target = folder / hashlib.sha256(name.encode()).hexdigest()
    run("skopeo", "copy", "--all", *(options or ["--src-tls-verify=false"]), f"docker://{name}",
        f"dir:{target}")
    return "sha256:" + hashlib.sha256((target / "manifest.json").read_bytes()).hexdigest()


def pull_by_curl(folder, world, image):
    """As crane does: HEAD by tag, the manifest by digest, each blob; in one run of curl."""
    repository, _, tag = image.rpartition(":")
    url = f"{world.server.url}v2/{repository}"
    head = run("curl", "-sSfI", "-H", "Accept: */*", f"{url}/manifests/{tag}").lower()
    digest = head.partition("docker-content-digest: ")[2].split()[0]
    manifest = run("curl", "-sSf", f"{url}/manifests/{digest}")
    assert "sha256:" + hashlib.sha256(manifest.encode()).hexdigest() == digest
    if "layers" not in json.loads(manifest):
        return digest
    document = json.loads(manifest)
    blobs = [document["config"]["digest"], *(layer["digest"] for layer in document["layers"])]
    run("curl", "-sSf", "--parallel", "--create-dirs", "--output-dir", folder / "curl",
        *(word for blob in blobs for word in (f"{url}/blobs/{blob}", "-o", blob)))
    for blob in blobs:
        data = (folder / "curl" / blob).read_bytes()
        assert "sha256:" + hashlib.sha256(data).hexdigest() == blob
    return digest


def test_all_clients_at_the_same_time(world, docker, podman, tmp_path):
    """Each gets the digest that the image had where it came from, under all of its names."""
    names = {**{image: world.name(image) for image in (*SINGLE, *WHOLE)}}
    jobs = {}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for image, name in names.items():
            if "zstd" not in image:     # Docker 20.10 reads none, wherever it comes from
                jobs[image, "docker"] = pool.submit(pull_by_docker, docker, name)
            jobs[image, "ctr"] = pool.submit(pull_by_ctr, docker, name)
            jobs[image, "podman"] = pool.submit(pull_by_podman, podman, name)
            jobs[image, "skopeo"] = pool.submit(pull_by_skopeo, tmp_path, name)
            jobs[image, "curl"] = pool.submit(pull_by_curl, tmp_path / image.replace("/", "_"),
                                              world, image)
        found = {key: job.result() for key, job in jobs.items()}
    assert found == {(image, client): world.digests[image] for image, client in jobs}
    assert "Redis server v=7" in docker.run(names["redis:7-alpine"], "redis-server", "--version")


def test_docker_pulls_by_digest(world, docker):
    name = world.name("redis@" + world.digests["redis:7-alpine"])
    assert pull_by_docker(docker, name) == world.digests["redis:7-alpine"]


def test_curl_resumes(world, source, tmp_path):
    """Of a blob that nobody may have proved yet, and of one that is compressed in the file."""
    for image in SINGLE:
        layer = max(source.layers_of(image), key=lambda each: each["size"])
        path = tmp_path / layer["digest"]
        url = f"{world.server.url}v2/{image.rpartition(':')[0]}/blobs/{layer['digest']}"
        half = layer["size"] // 2
        run("curl", "-sSf", "-r", f"0-{half - 1}", url, "-o", path)
        assert path.stat().st_size == half
        run("curl", "-sSf", "-C", "-", url, "-o", path)
        assert "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() == layer["digest"]


def test_ferry_packs_the_same_bundle(world, source, bundles, tmp_path):
    """Asked in the place of the registry, which is not asked at all."""
    watch = Watch(source.registry)
    mirror = f"{source.registry.address}={world.server.url}"
    source.pack(tmp_path / "again", *WHOLE, options=["--platform", "all", "--mirror", mirror])
    assert (tmp_path / "again").read_bytes() == bundles[1].read_bytes()
    assert watch.requests() == []


def test_over_tls(source, bundles, podman, tmp_path, ferry):
    """Who trusts the authority pulls; who does not is refused by himself."""
    made = server_certificate(tmp_path)
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "ca.crt").write_bytes(made.authority.read_bytes())
    options = ["--cert", made.certificate, "--key", made.key]
    image, digest = "trap/plain-tar:1", source.digest("trap/plain-tar:1", AMD64)
    with Server(*bundles, options=options) as server:
        name = f"{server.address}/{image}"
        assert pull_by_skopeo(tmp_path, name, "--src-cert-dir", str(trust)) == digest
        podman.client("pull", "--cert-dir", trust, name)
        assert podman.image_inspect(name)["Digest"] == digest
        done = ferry("pack", name, "-o", tmp_path / "b", "--ca", made.authority, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["images"][0]["digest"] == digest
        done = ferry("pack", name, "-o", tmp_path / "c")
        assert done.returncode == 1 and "certificate" in done.stderr
        assert not (tmp_path / "c").exists()
