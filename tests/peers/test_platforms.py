"""Several platforms of one image: out of a registry, into others and into what runs images.

What ferry says of digests is compared with what registries, skopeo, podman, Docker and containerd
say of them.
"""

import filecmp
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from blobs import BlobStore
from image import DOCKER, OCI, files_layer, put_attestation, put_index, put_manifest, single
from job import AMD64, ARM64, digest_of, rows
from peers import Docker, Podman, Registry, skopeo_inspect
from process import run
from push import push

APP, LIST, ARM = "multi/app:1", "multi/list:1", "multi/arm:1"
TWO = ["--platform", AMD64, "--platform", ARM64]
ARM_FIRST = ["--platform", ARM64, "--platform", AMD64]
ALL = ["--platform", "all"]


def platforms_of(store, dialect):
    """An image for two platforms, with a layer in common and one that nobody compressed."""
    shared = files_layer(store, {"etc/shared": b"the same everywhere\n" * 50})
    return {platform: put_manifest(store, platform, [
        shared, files_layer(store, {"etc/platform": platform.encode() * 9}),
        files_layer(store, {"etc/plain": platform.encode() * 900}, "none")], dialect)
        for platform in (AMD64, ARM64)}


@pytest.fixture(scope="module", name="images")
def images_fixture(tmp_path_factory):
    """What BuildKit would have pushed, what older tools would, and an image for arm64 alone."""
    cache = tmp_path_factory.mktemp("cache")
    store = BlobStore(cache)
    oci, docker = platforms_of(store, OCI), platforms_of(store, DOCKER)
    images = {
        APP: put_index(store, oci, attestations=[
            put_attestation(store, manifest) for manifest in oci.values()]),
        LIST: put_index(store, docker, DOCKER),
        ARM: single(ARM64, oci[ARM64]),
    }
    (cache / "stack.json").write_text(json.dumps({"images": images}), encoding="utf-8")
    return SimpleNamespace(cache=cache, store=store, **{"of": images})


@pytest.fixture(scope="module", name="origin")
def origin_fixture(images):
    """The registry that has them."""
    with Registry() as registry:
        push(images.cache, registry.address)
        yield registry


@pytest.fixture(name="pack")
def pack_fixture(origin, ferry, tmp_path):
    """pack(names, options) -> the bundle, which was verified, and what was said of it."""
    def pack(names, options):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.tar.zst"
        done = ferry("pack", *(f"{origin.address}/{name}" for name in names), "-o", path, *options)
        assert done.returncode == 0, done.stderr
        assert ferry("verify", path).returncode == 0
        listed = json.loads(ferry("list", path, "--json").stdout)
        return SimpleNamespace(path=path, done=done, **listed)
    return pack


@pytest.fixture(scope="module", name="docker")
def docker_fixture():
    with Docker() as docker:
        yield docker


def blob_in(bundle, digest):
    """A blob of a bundle, by the hand of tar."""
    return subprocess.run(["tar", "-I", "zstd", "-xOf", bundle, "blobs/sha256/" + digest[7:]],
                          check=True, capture_output=True).stdout


def copy_all(bundle, name, registry):
    """skopeo copies an index and all that it lists, out of the bundle's OCI half."""
    run("skopeo", "copy", "--all", "--dest-tls-verify=false", "--preserve-digests",
        f"oci-archive:{bundle}:{name}", f"docker://{registry.address}/copied:1")
    return skopeo_inspect(registry, "copied:1", raw=True)


def children_of(index):
    return [entry["digest"] for entry in json.loads(index)["manifests"]]


def load(ferry, bundle, registry, *options):
    done = ferry("load", bundle, "--to", registry.address, *options)
    assert done.returncode == 0, done.stderr
    return done


def assert_serves(registry, name, index):
    """Under its name the index, byte for byte, and below it all that it lists."""
    assert skopeo_inspect(registry, name, raw=True) == index
    repository = name.rpartition(":")[0]
    for digest in children_of(index):
        assert digest_of(skopeo_inspect(registry, f"{repository}@{digest}", raw=True)) == digest


# Packing


def test_the_plan_tells_of_a_new_index(origin, images, pack):
    packed = pack([APP], TWO)
    (index,) = packed.indexes
    name = f"{origin.address}/{APP}"
    assert f"{name}: a new index, {index['digest']}, for {AMD64}, {ARM64}\n" in packed.done.stderr
    assert (index["name"], index["new"], index["artifacts"]) == (name, True, 0)
    assert index["digest"] != images.of[APP]["digest"]
    assert {each["index_digest"] for each in packed.images} == {images.of[APP]["digest"]}
    assert {each["within"] for each in packed.images} == {index["digest"]}
    assert [(each["platform"], each["digest"]) for each in packed.images] == [
        (platform, images.of[APP]["platforms"][platform]["digest"]) for platform in (AMD64, ARM64)]
    table = packed.done.stdout.splitlines()
    assert [line.split()[1] for line in table[1:3]] == [AMD64, ARM64]
    assert digest_of(blob_in(packed.path, index["digest"])) == index["digest"]


def test_the_plan_tells_of_the_sources_index(origin, images, pack):
    packed = pack([APP], ALL)
    digest = images.of[APP]["digest"]
    assert (f"{origin.address}/{APP}: the source's index, {digest}, for {AMD64}, {ARM64}, "
            "and 2 others\n") in packed.done.stderr
    assert [(index["digest"], index["new"], index["artifacts"])
            for index in packed.indexes] == [(digest, False, 2)]
    assert blob_in(packed.path, digest) == images.store.read(digest)
    for proof in images.of[APP]["attestations"]:
        for blob in (proof, proof["config"], *proof["layers"]):
            assert blob_in(packed.path, blob["digest"]) == images.store.read(blob["digest"])


def test_the_order_is_that_of_the_command_line(pack):
    first, second = pack([APP], TWO), pack([APP], ARM_FIRST)
    assert [each["platform"] for each in second.images] == [ARM64, AMD64]
    assert first.indexes[0]["digest"] != second.indexes[0]["digest"]
    assert filecmp.cmp(pack([APP], ARM_FIRST).path, second.path, shallow=False)


def test_what_is_lacking_is_named(origin, ferry, tmp_path):
    options = [*TWO, "--platform", "linux/s390x"]
    done = ferry("pack", f"{origin.address}/{APP}", f"{origin.address}/{ARM}",
                 "-o", tmp_path / "no", *options)
    assert done.returncode == 4
    assert f"{APP}: no linux/s390x; it has {AMD64}, {ARM64}\n" in done.stderr
    assert f"{ARM}: no {AMD64}, linux/s390x; it has {ARM64}\n" in done.stderr
    assert not (tmp_path / "no").exists()


def test_a_lock_packs_the_same_again(origin, ferry, pack, tmp_path):
    for options in (TWO, ALL):
        packed = pack([APP, LIST], options)
        lock, again = tmp_path / "lock.json", tmp_path / "again.tar.zst"
        for arguments in ([f"{origin.address}/{APP}", f"{origin.address}/{LIST}", *options,
                           "--lock", lock], ["-f", lock]):
            done = ferry("pack", *arguments, "-o", again, "--force")
            assert done.returncode == 0, done.stderr
            assert filecmp.cmp(again, packed.path, shallow=False)


# Into registries


@pytest.mark.parametrize("options", [TWO, ALL], ids=["two", "all"])
@pytest.mark.parametrize("name", [APP, LIST])
def test_ferry_loads_the_index_as_it_is(origin, images, pack, target, ferry, name, options):
    packed = pack([name], options)
    index = blob_in(packed.path, packed.indexes[0]["digest"])
    done = load(ferry, packed.path, target)
    assert_serves(target, name, index)
    assert [row[-1] for row in map(str.split, done.stdout.splitlines()[1:3])] == ["equal"] * 2
    if options is ALL:
        assert index == images.store.read(images.of[name]["digest"])
        assert skopeo_inspect(origin, name, raw=True) == index
    again = json.loads(load(ferry, packed.path, target, "--json").stdout)
    assert ({each["state"] for each in again["images"]}, again["sent"]) == ({"present"}, 0)


def test_an_attestation_alone_is_sent_when_it_is_missing(pack, target, ferry):
    """The platforms chosen before are there; all that was beside them is not."""
    load(ferry, pack([APP], TWO).path, target)
    packed = pack([APP], ALL)
    told = json.loads(load(ferry, packed.path, target, "--json").stdout)
    assert 0 < told["sent"] < 4096
    assert_serves(target, APP, blob_in(packed.path, packed.indexes[0]["digest"]))


def test_one_platform_at_least_has_to_fit_this_host(pack, target, ferry):
    packed = pack([ARM, APP], ALL)
    done = ferry("load", packed.path, "--to", target.address)
    assert done.returncode == 4
    assert f"{ARM} is for {ARM64}, and this host is {AMD64}" in done.stderr
    assert f"/{APP} is for" not in done.stderr
    load(ferry, packed.path, target, "--any-host")


def test_only_takes_all_platforms_of_a_name(origin, pack, target, ferry):
    packed = pack([ARM, APP], ALL)
    done = load(ferry, packed.path, target, "--only", f"{origin.address}/{APP}")
    assert "2 of 2 images in place" in done.stdout
    assert_serves(target, APP, blob_in(packed.path, packed.indexes[0]["digest"]))


@pytest.mark.parametrize("options", [TWO, ALL], ids=["two", "all"])
def test_skopeo_copies_all_of_it(origin, pack, target, options):
    packed = pack([APP], options)
    index = blob_in(packed.path, packed.indexes[0]["digest"])
    assert copy_all(packed.path, f"{origin.address}/{APP}", target) == index
    assert_serves(target, "copied:1", index)


def test_skopeo_finds_each_platform(origin, pack):
    packed = pack([APP, LIST], TWO)
    for platform in (AMD64, ARM64):
        seen = json.loads(run(
            "skopeo", "inspect", "--override-arch", platform.split("/")[1],
            f"oci-archive:{packed.path}:{origin.address}/{APP}"))
        assert seen["Architecture"] == platform.split("/")[1]


# Into what runs images


def archive_of(bundle, folder):
    path = folder / "plain.tar"
    run("zstd", "-q", "-d", "-f", bundle, "-o", path)
    return path


@pytest.mark.parametrize("options, wanted", [(TWO, "amd64"), (ARM_FIRST, "arm64"),
                                             (ALL, "amd64")], ids=["two", "arm first", "all"])
def test_docker_itself_loads_the_first_platform(origin, pack, docker, tmp_path, options, wanted):
    docker.load(archive_of(pack([APP], options).path, tmp_path))
    seen = docker.api("GET", f"/images/{origin.address}/{APP}/json")
    assert seen["Architecture"] == wanted
    docker.api("DELETE", f"/images/{seen['Id']}?force=true")


@pytest.mark.parametrize("options", [TWO, ARM_FIRST, ALL], ids=["two", "arm first", "all"])
def test_ferry_loads_into_docker_what_it_runs(origin, images, pack, docker, ferry, options):
    packed = pack([APP, LIST], options)
    done = ferry("load", packed.path, "--to", f"docker-daemon:{docker.socket}")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    for name in (APP, LIST):
        config = images.of[name]["platforms"][AMD64]["config"]["digest"]
        seen = docker.api("GET", f"/images/{origin.address}/{name}/json")
        assert (seen["Id"], seen["Architecture"]) == (config, "amd64")
        assert table[f"{origin.address}/{name}"][1:3] == [AMD64, config]
    assert "2 of 2 images in place" in done.stdout
    for name in (APP, LIST):
        docker.api("DELETE", f"/images/{origin.address}/{name}")


def test_docker_gets_nothing_that_it_does_not_run(origin, pack, docker, ferry):
    packed = pack([ARM, APP], ALL)
    done = ferry("load", packed.path, "--to", f"docker-daemon:{docker.socket}")
    assert done.returncode == 4
    assert f"{ARM} is for {ARM64}, and the machine that Docker runs on is {AMD64}" in done.stderr
    assert f"{origin.address}/{APP}" not in str(docker.api("GET", "/images/json"))


@pytest.mark.parametrize("options", [TWO, ARM_FIRST, ALL], ids=["two", "arm first", "all"])
def test_podman_loads_its_own_platform_of_one_name(origin, pack, options):
    """It reads the OCI half where there is one name only, and chooses below the index."""
    with Podman() as podman:
        podman.load(pack([APP], options).path)
        assert podman.image_inspect(f"{origin.address}/{APP}")["Architecture"] == "amd64"


def test_podman_loads_the_first_platform_of_several_names(origin, pack):
    """Then it reads manifest.json."""
    with Podman() as podman:
        podman.load(pack([APP, LIST], TWO).path)
        for name in (APP, LIST):
            assert podman.image_inspect(f"{origin.address}/{name}")["Architecture"] == "amd64"


@pytest.mark.parametrize("options", [TWO, ALL], ids=["two", "all"])
def test_containerd_imports_all_platforms(origin, pack, docker, tmp_path, options):
    packed = pack([APP], options)
    ctr = ["ctr", "-a", Path(docker.root) / "containerd.sock", "-n", "ferry-test", "images"]
    run(*ctr, "import", "--all-platforms", "--no-unpack", archive_of(packed.path, tmp_path))
    listed = run(*ctr, "ls")
    (line,) = [line for line in listed.splitlines() if f"{origin.address}/{APP} " in line]
    assert packed.indexes[0]["digest"] in line
    assert AMD64 in line and "linux/arm64" in line
    run(*ctr, "rm", f"{origin.address}/{APP}")
