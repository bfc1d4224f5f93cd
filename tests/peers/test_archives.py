"""Archives by those who really make them: docker save, podman save, skopeo copy."""

import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "images"), str(HERE.parent / "support")]

# pylint: disable=wrong-import-position
import stack
from ferry import run as ferry
from peers import Docker, Podman, Registry
from process import run

AMD64 = "linux/amd64"
SMALL, OTHER, PLAIN = "trap/small:1", "trap/small:2", "trap/plain-tar:1"
NAMES = [OTHER, PLAIN, SMALL]       # two of them share a layer
# Or skopeo compresses what was not; a docker-archive has nothing compressed.
KEEP = {True: ["--preserve-digests"], False: []}
FORMS = {"plain": bytes, "gzip": gzip.compress,
         "zstd": lambda data: subprocess.run(["zstd", "-qc"], input=data, check=True,
                                             stdout=subprocess.PIPE).stdout}


def full(name):
    """As archives have it."""
    return f"docker.io/{name}"


@pytest.fixture(name="registry", scope="module")
def registry_fixture(traps):
    """A registry with the trap images."""
    with Registry() as registry:
        stack.push(traps, registry.address)
        yield registry


@pytest.fixture(name="skopeo", scope="module")
def skopeo_fixture(registry, tmp_path_factory):
    """skopeo(name, "oci-archive:{}:NAME") -> the path, made once."""
    folder = tmp_path_factory.mktemp("skopeo")
    made = {}

    def copy(name, transport):
        if (name, transport) not in made:
            path = folder / f"{transport}-{len(made)}"
            run("skopeo", "--override-os", "linux", "--override-arch", "amd64", "copy", "-q",
                *KEEP[transport != "docker-archive"],
                "--src-tls-verify=false", f"docker://{registry.address}/{name}",
                f"{transport}:{path}:{full(name)}")
            made[name, transport] = path
        return made[name, transport]
    return copy


@pytest.fixture(name="docker", scope="module")
def docker_fixture(traps, tmp_path_factory):
    """Debian's Docker with the images loaded."""
    folder = tmp_path_factory.mktemp("docker")
    with Docker() as docker:
        for number, name in enumerate(NAMES):
            stack.write_docker_archive(traps, name, folder / str(number), AMD64)
            docker.load(folder / str(number))
        yield docker


@pytest.fixture(name="podman", scope="module")
def podman_fixture(traps, tmp_path_factory):
    """Podman with the same."""
    folder = tmp_path_factory.mktemp("podman")
    with Podman() as podman:
        for number, name in enumerate(NAMES):
            stack.write_docker_archive(traps, name, folder / str(number), AMD64, full(name))
            podman.load(folder / str(number))
        yield podman


@pytest.fixture(name="pack")
def pack_fixture(tmp_path):
    """pack(*arguments) -> the bundle's bytes and {name: what inspect says of it}."""
    def pack(*arguments):
        bundle = tmp_path / "bundle.tar.zst"
        done = ferry("pack", *arguments, "-o", bundle, "--force", "--quiet")
        assert done.returncode == 0, done.stderr
        done = ferry("verify", bundle)
        assert done.returncode == 0, done.stderr
        told = json.loads(ferry("inspect", bundle, "--json").stdout)
        return bundle.read_bytes(), {image["name"]: image for image in told["images"]}
    return pack


def compressed(path, form, folder):
    """The same archive in another form."""
    out = folder / f"archive-{form}"
    out.write_bytes(FORMS[form](path.read_bytes()))
    return out


def layers(image):
    """The layers' digests."""
    return [layer["digest"] for layer in image["layers"]]


def check_saved(images, docker_ids, traps):
    """Image IDs are config digests, and the layers are those that Docker unpacked."""
    assert set(images) == set(docker_ids)
    told = stack.load(traps)["images"]
    for name, image in images.items():
        assert image["config"]["digest"] == docker_ids[name]
        known = told[name]["platforms"][AMD64]["layers"]
        assert layers(image) == [layer["diff_id"] for layer in known]
        assert all(layer["mediaType"].endswith(".tar") for layer in image["layers"])


@pytest.mark.parametrize("form", FORMS)
def test_docker_save(docker, traps, pack, tmp_path, form):
    """Of several images, one of whose layers is a link to another's."""
    path = tmp_path / "saved.tar"
    docker.client("save", "-o", path, *NAMES)
    assert b"manifest.json" in path.read_bytes()
    ids = {name: docker.api("GET", f"/images/{name}/json")["Id"] for name in NAMES}
    archive = compressed(path, form, tmp_path)
    bundle, images = pack(f"docker-archive:{archive}")
    check_saved(images, ids, traps)
    alone = tmp_path / "alone.tar"
    docker.client("save", "-o", alone, SMALL)
    assert pack(f"docker-archive:{alone}")[0] == pack(f"docker-archive:{archive}:{SMALL}")[0]
    assert pack(*(f"docker-archive:{archive}:{ids[name]} => {name}" for name in NAMES))[0] == bundle


@pytest.mark.parametrize("form", FORMS)
def test_podman_save(podman, traps, pack, tmp_path, form):
    """docker-archive of several images, and oci-archive of one."""
    path = tmp_path / "saved.tar"
    podman.client("save", "-q", "--multi-image-archive", "-o", path, *map(full, NAMES))
    ids = {name: "sha256:" + podman.image_inspect(full(name))["Id"] for name in NAMES}
    _, images = pack(f"docker-archive:{compressed(path, form, tmp_path)}")
    check_saved(images, ids, traps)
    path = tmp_path / "oci.tar"
    podman.client("save", "-q", "--format", "oci-archive", "-o", path, full(SMALL))
    _, images = pack(f"oci-archive:{compressed(path, form, tmp_path)}")
    digest = run("skopeo", "inspect", "--format", "{{.Digest}}", f"oci-archive:{path}").strip()
    assert {name: image["manifest"]["digest"] for name, image in images.items()} == {SMALL: digest}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [SMALL, PLAIN])
def test_skopeo_oci_archive(registry, skopeo, pack, tmp_path, name, form):
    """The digests are the registry's, and so is every byte but the index it came from."""
    path = skopeo(name, "oci-archive")
    archive = compressed(path, form, tmp_path)
    bundle, images = pack(f"oci-archive:{archive}")
    seen = run("skopeo", "inspect", "--format", "{{.Digest}}",
               f"oci-archive:{path}:{full(name)}").strip()
    assert images[name]["manifest"]["digest"] == seen
    _, from_registry = pack("--plain-http", registry.address,
                            f"{registry.address}/{name} => {name}")
    assert from_registry[name]["manifest"] == images[name]["manifest"]
    assert from_registry[name]["layers"] == images[name]["layers"]
    assert pack(f"oci:{skopeo(name, 'oci')}")[0] == bundle


def test_skopeo_layout_of_several(registry, pack, tmp_path):
    """One layout for all, with their indexes: what was packed from the registry, to the byte."""
    for name in NAMES:
        run("skopeo", "copy", "-q", "--all", *KEEP[True], "--src-tls-verify=false",
            f"docker://{registry.address}/{name}", f"oci:{tmp_path / 'layout'}:{full(name)}")
    wanted, _ = pack("--plain-http", registry.address,
                     *(f"{registry.address}/{name} => {name}" for name in NAMES))
    assert pack(f"oci:{tmp_path / 'layout'}")[0] == wanted


@pytest.mark.parametrize("platforms", [["all"], ["linux/arm64", AMD64], ["linux/arm64"]])
def test_several_platforms(registry, pack, tmp_path, platforms):
    """From a registry, a layout, an archive and a bundle of it: one bundle."""
    options = [word for platform in platforms for word in ("--platform", platform)]
    for transport in ("oci", "oci-archive"):
        run("skopeo", "copy", "-q", "--all", "--src-tls-verify=false",
            f"docker://{registry.address}/{SMALL}",
            f"{transport}:{tmp_path / transport}:{full(SMALL)}")
    wanted, _ = pack(*options, "--plain-http", registry.address,
                     f"{registry.address}/{SMALL} => {SMALL}")
    for transport in ("oci", "oci-archive"):
        assert pack(*options, f"{transport}:{tmp_path / transport}")[0] == wanted
    (tmp_path / "first").write_bytes(wanted)
    assert pack(*options, f"bundle:{tmp_path / 'first'}")[0] == wanted


@pytest.mark.parametrize("form", FORMS)
def test_skopeo_docker_archive(skopeo, traps, pack, tmp_path, form):
    """The config is what skopeo sees; all makers' archives make one bundle."""
    path = skopeo(SMALL, "docker-archive")
    _, images = pack(f"docker-archive:{compressed(path, form, tmp_path)}")
    config = run("skopeo", "inspect", "--config", "--raw", f"docker-archive:{path}")
    digest = "sha256:" + hashlib.sha256(config.encode()).hexdigest()
    check_saved(images, {SMALL: digest}, traps)


def test_makers_agree(docker, podman, skopeo, pack, tmp_path):
    """One image by three makers: one bundle."""
    by_docker, by_podman = tmp_path / "docker.tar", tmp_path / "podman.tar"
    docker.client("save", "-o", by_docker, SMALL)
    podman.client("save", "-q", "-o", by_podman, full(SMALL))
    bundles = {pack(f"docker-archive:{path}")[0]
               for path in (by_docker, by_podman, skopeo(SMALL, "docker-archive"))}
    assert len(bundles) == 1


def test_out_of_docker_and_back(docker, pack, tmp_path):
    """What was packed from an archive loads again, and has the same ID."""
    path = tmp_path / "saved.tar"
    docker.client("save", "-o", path, PLAIN)
    before = docker.api("GET", f"/images/{PLAIN}/json")["Id"]
    bundle, _ = pack(f"docker-archive:{path}")
    (tmp_path / "again").write_bytes(bundle)
    docker.client("rmi", "-f", PLAIN)
    done = ferry("load", tmp_path / "again", "--to", "docker", "--only", PLAIN,
                 env={"DOCKER_HOST": f"unix://{docker.socket}"})
    assert done.returncode == 0, done.stderr
    assert docker.api("GET", f"/images/{PLAIN}/json")["Id"] == before


def test_merged_bundles(registry, skopeo, pack, tmp_path):
    """Bundles of a registry and of an archive, merged: as packed at once."""
    sources = {SMALL: f"{registry.address}/{SMALL} => {SMALL}",
               PLAIN: f"docker-archive:{skopeo(PLAIN, 'docker-archive')}"}
    at_once, _ = pack("--plain-http", registry.address, *sources.values())
    for number, source in enumerate(sources.values()):
        (tmp_path / str(number)).write_bytes(
            pack("--plain-http", registry.address, source)[0])
    assert pack(f"bundle:{tmp_path / '0'}", f"bundle:{tmp_path / '1'}")[0] == at_once
    (tmp_path / "both").write_bytes(at_once)
    assert pack(f"bundle:{tmp_path / 'both'}:{SMALL}")[0] == (tmp_path / "0").read_bytes()
