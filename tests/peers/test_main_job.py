"""The main job: a stack from one registry into a bundle, and out of it into another.

What ferry says is compared with what the images are known to be, and what it does with what
registries, skopeo, podman, zstd and tar say of it.
"""

import filecmp
import json
import os
import shutil
import subprocess
import tarfile
import threading
import time
from collections import Counter

import pytest
import stack
from job import (AMD64, ARM64, INDEX_TYPES, Watch, assert_there, digest_of, rows, run_under,
                 tags_of)
from peers import Podman, Registry, skopeo_inspect, wait_for

FRONT = ["oci-layout", "index.json", "manifest.json", "bundle.blobs", "bundle.json",
         "bundle.json.sig", "blobs/", "blobs/sha256/"]
# Enough for the front of every bundle here, and next to nothing of the stack's.
FRONT_ROOM = 128 << 10


def output_of(*command):
    """What a program prints; it must work."""
    return subprocess.run([str(part) for part in command], check=True, capture_output=True).stdout


def blob_names(source, names=None):
    """The bundle's members behind the front, in the order that docs/format.md demands."""
    manifests = [source.manifest(name) for name in sorted(names or source.names)]
    layers = [layer for manifest in manifests for layer in manifest["layers"]]
    documents = [blob for manifest in manifests for blob in (manifest, manifest["config"])]
    packed_layers = [layer for layer in layers if not layer["mediaType"].endswith("tar")]
    plain_layers = [layer for layer in layers if layer["mediaType"].endswith("tar")]
    ordered = dict.fromkeys(blob["digest"] for blob in documents + packed_layers + plain_layers)
    return ["blobs/sha256/" + digest.partition(":")[2] for digest in ordered]


@pytest.fixture(scope="module", name="archive")
def archive_fixture(bundle, tmp_path_factory):
    """The bundle without its compression: a tar, by the hands of zstd."""
    path = tmp_path_factory.mktemp("archive") / "release.tar"
    output_of("zstd", "-q", "-d", bundle, "-o", path)
    yield path
    path.unlink()


@pytest.fixture(scope="module", name="arm_bundle")
def arm_bundle_fixture(source, tmp_path_factory):
    """The stack for the other platform."""
    return source.pack(tmp_path_factory.mktemp("arm") / "arm.tar.zst", *source.arm64_names,
                       options=["--platform", "linux/arm64"])


# Packing


def test_pack_says_what_it_will_do_and_what_it_did(source, packed):
    blobs = source.blobs()
    size = f"{sum(blobs.values()) / (1 << 20):.0f} MiB"
    assert f"plan: 13 images, {len(blobs)} blobs, {size}\n" in packed.done.stderr
    table = rows(packed.done.stdout)
    assert table.pop("IMAGE") == ["IMAGE", "PLATFORM", "DIGEST", "SIZE", "SHARED",
                                  "RESULT"]
    assert {name: cells[2] for name, cells in table.items()} == source.digests()
    assert {cells[1] for cells in table.values()} == {AMD64}
    assert {cells[-1] for cells in table.values()} == {"packed"}
    assert packed.done.stdout.splitlines()[-1].startswith(
        f"{packed.path}: 13 images, {len(blobs)} blobs, ")


def test_pack_tells_the_same_as_json(source, packed, ferry, tmp_path):
    path = tmp_path / "release.tar.zst"
    done = ferry("pack", "-f", packed.listing, "-o", path, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["bundle"]) == (0, str(path))
    assert {image["name"]: image["digest"] for image in told["images"]} == source.digests()
    assert {image["platform"] for image in told["images"]} == {AMD64}
    for image in told["images"]:
        name = image["name"].partition("/")[2]
        assert image["size"] == sum(source.blobs([name]).values())
    plan = told["plan"]
    assert plan["blobs"] == len(source.blobs())
    assert plan["blob_bytes"] == sum(source.blobs().values())
    assert plan["pull_bytes"] == sum(source.layers().values())
    assert plan["shared_bytes"] == sum(image["size"] for image in told["images"]) - \
        plan["blob_bytes"]
    assert plan["compressed"]
    assert told["written"] == path.stat().st_size <= plan["bundle_bytes"]


def test_the_bundle_stands_under_its_final_name_only(packed):
    assert os.listdir(packed.path.parent) == [packed.path.name]


def test_each_blob_is_pulled_once(source, packed):
    pulled = Counter(request.path.rpartition("/")[2] for request in packed.requests
                     if "/blobs/" in request.path and request.method == "GET")
    assert {digest: pulled[digest] for digest in source.layers()} == \
        dict.fromkeys(source.layers(), 1)


def test_an_existing_file_is_replaced_only_by_force(source, ferry, tmp_path):
    path = tmp_path / "kept.tar.zst"
    path.write_text("precious")
    done = ferry("pack", source.reference("trap/small:1"), "-o", path)
    assert (done.returncode, path.read_text()) == (1, "precious")
    assert "--force" in done.stderr
    source.pack(path, "trap/small:1", options=["--force"])
    assert ferry("verify", path).returncode == 0


def test_a_dry_run_writes_nothing(source, ferry, tmp_path):
    watch = Watch(source.registry)
    done = ferry("pack", source.reference("redis:7-alpine"), "-o", tmp_path / "no", "--dry-run")
    assert done.returncode == 0
    assert "plan: 1 image, 5 blobs, 9.6 MiB" in done.stdout
    assert rows(done.stdout)[source.reference("redis:7-alpine")][-1] == "planned"
    assert not os.listdir(tmp_path)
    assert not any(layer in request.path for request in watch.requests()
                   for layer in source.layers())


# The file, in the words of programs that are not ours


def test_zstd_finds_it_sound(bundle):
    subprocess.run(["zstd", "-q", "-t", bundle], check=True)


def test_tar_lists_exactly_what_the_format_says(source, archive):
    assert output_of("tar", "-tf", archive).decode().splitlines() == FRONT + blob_names(source)


def test_every_blob_is_what_its_name_says(archive):
    with tarfile.open(archive) as members:
        blobs = [member for member in members if member.isfile()
                 and member.name.startswith("blobs/")]
        for member in blobs:
            assert digest_of(members.extractfile(member).read())[7:] == member.name[13:]


def test_both_indexes_tell_the_same_images(source, archive):
    with tarfile.open(archive) as members:
        index, manifest = (json.load(members.extractfile(name))
                           for name in ("index.json", "manifest.json"))
    assert {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
            for entry in index["manifests"]} == source.digests()
    for entry in index["manifests"]:
        assert len(set(entry["annotations"].values())) == 1
        assert entry["platform"] == {"architecture": "amd64", "os": "linux"}
    expected = {}
    for name in source.names:
        blobs = source.manifest(name)
        expected[source.reference(name)] = (
            path_of(blobs["config"]), [path_of(layer) for layer in blobs["layers"]])
    assert {name: (entry["Config"], entry["Layers"])
            for entry in manifest for name in entry["RepoTags"]} == expected


def path_of(blob):
    """Where a layout keeps a blob."""
    return "blobs/" + blob["digest"].replace(":", "/")


def test_attestations_are_never_taken_along(source, archive):
    attestations = {path_of(blob) for image in source.images.values()
                    for manifest in image["attestations"]
                    for blob in (manifest, manifest["config"], *manifest["layers"])}
    assert len(attestations) >= 3
    assert not attestations & set(output_of("tar", "-tf", archive).decode().split())


@pytest.mark.parametrize("transport, name", [
    ("oci-archive", "grafana/tempo:latest"),
    ("docker-archive", "redis:7-alpine"),
])
def test_skopeo_finds_an_image_in_it(source, bundle, transport, name):
    """Its older versions find OCI's types only in a layout, so there is manifest.json too."""
    raw = output_of("skopeo", "inspect", "--raw",
                    f"{transport}:{bundle}:{source.reference(name)}")
    if transport == "oci-archive":
        assert digest_of(raw) == source.digest(name)
    assert json.loads(raw)["config"]["digest"] == source.manifest(name)["config"]["digest"]


def test_podman_loads_all_of_it(source, archive):
    with Podman() as podman:
        podman.load(archive)
        told = json.loads(podman.client("images", "--format", "json"))
        names = {name: image["Id"] for image in told for name in image["Names"]}
        assert names == {source.reference(name): source.manifest(name)["config"]["digest"][7:]
                         for name in source.names}
        for name in names:
            assert podman.image_inspect(name)["Architecture"] == "amd64"


def test_podman_loads_the_file_as_it_is(source, small_bundle):
    with Podman() as podman:
        podman.load(small_bundle)
        assert podman.image_inspect(source.reference("trap/small:2"))["Architecture"] == "amd64"


# The same images make the same bytes


@pytest.mark.parametrize("jobs", [1, 3, 8, 64])
def test_the_number_of_jobs_changes_no_byte(packed, ferry, tmp_path, jobs):
    path = tmp_path / "again.tar.zst"
    assert ferry("pack", "-f", packed.listing, "-o", path, "--jobs", jobs).returncode == 0
    assert filecmp.cmp(path, packed.path, shallow=False)


def reversed_list(source, folder):
    """The list from its end to its beginning."""
    return ["-f", source.write_list(folder / "list", source.names[::-1])]


def arguments_only(source, _):
    """No list at all."""
    return source.references()


def pinned(source, folder):
    """Each image with the digest that its tag has now."""
    path = folder / "list"
    path.write_text("".join(f"{source.reference(name)}@{source.images[name]['digest']}\n"
                            for name in source.names))
    return ["-f", path]


def two_lists(source, folder):
    """Half of it here, half there, and one image in both."""
    return ["-f", source.write_list(folder / "one", source.names[:7]),
            "-f", source.write_list(folder / "two", source.names[6:])]


def with_scheme(source, _):
    """As skopeo names them."""
    return [f"docker://{reference}" for reference in source.references()]


@pytest.mark.parametrize("listed", [reversed_list, arguments_only, pinned, two_lists, with_scheme])
def test_how_images_are_listed_changes_no_byte(source, bundle, ferry, tmp_path, listed):
    path = tmp_path / "again.tar.zst"
    done = ferry("pack", *listed(source, tmp_path), "-o", path)
    assert done.returncode == 0, done.stderr
    assert filecmp.cmp(path, bundle, shallow=False)


# Looking into it


def test_verify_proves_it(bundle, source, ferry):
    done = ferry("verify", bundle)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{bundle}: whole: 13 images, {len(source.blobs())} blobs, ")
    told = json.loads(ferry("verify", bundle, "--json").stdout)
    assert (told["whole"], told["damages"]) == (True, [])
    assert told["file_bytes"] == bundle.stat().st_size


def test_list_tells_the_images(bundle, source, ferry):
    done = ferry("list", bundle)
    assert (done.returncode, done.stderr) == (0, "")
    table = rows(done.stdout)
    del table["IMAGE"]
    assert {name: (cells[1], cells[2]) for name, cells in table.items()} == \
        {name: (AMD64, digest) for name, digest in source.digests().items()}


def test_list_tells_it_as_json(bundle, source, ferry):
    told = json.loads(ferry("list", bundle, "--json").stdout)
    assert {image["reference"]: image["digest"] for image in told["images"]} == source.digests()
    for image in told["images"]:
        name = image["name"].partition("/")[2]
        listed = source.images[name]
        index = listed["digest"] if listed["mediaType"] in INDEX_TYPES else None
        assert image["index_digest"] == index
        assert image["shared"] == sum(
            size for digest, size in source.blobs([name]).items()
            if any(digest in source.blobs([other]) for other in source.names if other != name))


def test_inspect_tells_all_of_an_image(bundle, source, ferry):
    name = "redis:7-alpine"
    told = json.loads(ferry("inspect", bundle, source.reference(name)).stdout)
    known = source.manifest(name)
    assert told["index_digest"] == source.images[name]["digest"]
    assert told["manifest"]["digest"] == known["digest"]
    assert told["config"]["digest"] == known["config"]["digest"]
    assert [layer["digest"] for layer in told["layers"]] == \
        [layer["digest"] for layer in known["layers"]]
    assert told["runtime"]["Cmd"] == ["redis-server"]


def test_inspect_tells_all_images(bundle, source, ferry):
    told = json.loads(ferry("inspect", bundle).stdout)
    assert {image["reference"]: image["manifest"]["digest"] for image in told["images"]} == \
        source.digests()
    assert told["file_bytes"] == bundle.stat().st_size
    one = json.loads(ferry("inspect", bundle, told["images"][0]["name"]).stdout)
    assert one == told["images"][0]


def test_an_image_that_is_not_in_it_is_told_with_those_that_are(bundle, source, ferry):
    done = ferry("inspect", bundle, "nothing:1")
    assert done.returncode == 1
    for reference in source.references():
        assert reference in done.stderr


def test_only_the_front_is_read_to_look_into_it(bundle, ferry, tmp_path):
    """A copy that has nothing but zeros behind its front answers all the same."""
    hollow = tmp_path / "hollow.tar.zst"
    with open(bundle, "rb") as whole:
        hollow.write_bytes(whole.read(FRONT_ROOM))
    os.truncate(hollow, bundle.stat().st_size)
    assert ferry("list", "--json", hollow).stdout.replace("hollow", "release") \
        .replace(str(tmp_path), str(bundle.parent)) == ferry("list", "--json", bundle).stdout
    assert ferry("inspect", hollow).stdout == ferry("inspect", bundle).stdout
    assert ferry("verify", "--quiet", hollow).returncode == 3


# The other platform


def test_an_image_without_the_platform_stops_the_whole(source, packed, ferry, tmp_path):
    done = ferry("pack", "-f", packed.listing, "-o", tmp_path / "no", "--platform", "linux/arm64")
    assert done.returncode == 4
    assert f"{source.reference('webapp:latest')}: no linux/arm64; it has linux/amd64\n" in \
        done.stderr
    assert "1 of 13 images cannot be packed; nothing was pulled" in done.stderr
    assert not os.listdir(tmp_path)


def test_arm64_is_packed_when_asked_for(source, arm_bundle, ferry):
    told = json.loads(ferry("list", arm_bundle, "--json").stdout)
    assert {image["name"]: image["digest"] for image in told["images"]} == \
        source.digests(source.arm64_names, ARM64)
    assert {image["platform"] for image in told["images"]} == {ARM64}


def test_images_for_another_machine_are_refused(source, arm_bundle, target, ferry):
    done = ferry("load", arm_bundle, "--to", target.address)
    assert (done.returncode, done.stdout) == (4, "")
    first = source.reference(source.arm64_names[0])
    assert f"{first} is for {ARM64}, and this host is {AMD64}" in done.stderr
    assert "--platform linux/amd64" in done.stderr and "--any-host" in done.stderr
    assert tags_of(target) == []


def test_a_registry_may_serve_other_machines(source, arm_bundle, target, ferry):
    done = ferry("load", arm_bundle, "--to", target.address, "--any-host")
    assert done.returncode == 0, done.stderr
    assert_there(target, {name: source.digest(name, ARM64) for name in source.arm64_names})


def test_a_host_that_says_it_is_32_bit_is_believed(source, small_bundle, target):
    assert "platform  linux/386\n" in run_under(["setarch", "i686"], "host").stdout
    done = run_under(["setarch", "i686"], "load", small_bundle, "--to", target.address)
    assert done.returncode == 4
    assert f"{source.reference('trap/small:1')} is for {AMD64}, and this host is linux/386" in \
        done.stderr
    assert tags_of(target) == []


# Traps


@pytest.mark.parametrize("name, message, status", [
    ("trap/arm-only:1", "no linux/amd64; it has linux/arm64/v8, linux/arm/v7", 4),
    ("trap/arm-single:1", "no linux/amd64; it has linux/arm64/v8", 4),
    ("trap/lying-index:1", "its index says linux/amd64, its config says linux/arm64/v8", 4),
    ("trap/attestation-only:1", "no linux/amd64; it has linux/arm64/v8", 4),
    ("trap/unknown:1", "does not have it", 1),
    ("trap/small:unknown", "does not have it", 1),
])
def test_a_trap_is_named_and_nothing_is_pulled(source, ferry, tmp_path, name, message, status):
    watch = Watch(source.registry)
    done = ferry("pack", source.reference(name), "-o", tmp_path / "no")
    assert done.returncode == status
    (line,) = [line for line in done.stderr.splitlines()
               if line.startswith(source.reference(name) + ": ")]
    assert message in line
    assert "ferry: 1 of 1 image cannot be packed; nothing was pulled" in done.stderr
    assert not os.listdir(tmp_path)
    assert_no_layer_asked_for(source, watch, [name])


def assert_no_layer_asked_for(source, watch, names):
    """Configs may be read to learn what an image is for; layers may not."""
    configs = {manifest["config"]["digest"] for name in names if name in source.images
               for manifest in source.images[name]["platforms"].values()}
    asked = {request.path.rpartition("/")[2] for request in watch.requests()
             if "/blobs/" in request.path}
    assert asked <= configs


def test_all_refusals_come_together(source, ferry, tmp_path):
    bad = ["trap/arm-only:1", "trap/arm-single:1", "trap/attestation-only:1",
           "trap/lying-index:1", "trap/unknown:1"]
    names = bad + ["redis:7-alpine", "trap/small:1"]
    watch = Watch(source.registry)
    done = ferry("pack", *source.references(names), "-o", tmp_path / "no")
    assert done.returncode == 4
    refused = [line.partition(": ")[0] for line in done.stderr.splitlines()
               if line.startswith(source.registry.address)]
    assert refused == source.references(bad)
    assert "5 of 7 images cannot be packed; nothing was pulled" in done.stderr
    assert_no_layer_asked_for(source, watch, names)
    assert not os.listdir(tmp_path)


def test_refusals_are_in_the_document_too(source, ferry, tmp_path):
    names = ["trap/arm-only:1", "trap/small:1"]
    done = ferry("pack", *source.references(names), "-o", tmp_path / "no", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["error"]["code"]) == (4, "platform")
    assert {image["name"]: (bool(image["refusal"]), image["wrong_platform"])
            for image in told["images"]} == {
                source.reference("trap/arm-only:1"): (True, True),
                source.reference("trap/small:1"): (False, False)}


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_without_any_image_to_pack_there_are_no_sizes(source, ferry, tmp_path, options):
    """Zeros for what nobody has looked at would be lies: "free 0 B where it goes"."""
    done = ferry("pack", source.reference("trap/arm-only:1"), "-o", tmp_path / "no", *options)
    assert done.returncode == 4
    assert " 0 B" not in done.stderr + done.stdout
    told = json.loads(ferry("pack", source.reference("trap/arm-only:1"), "-o", tmp_path / "no",
                            "--json", *options).stdout)
    for key in ("bundle_bytes", "free_bytes", "largest_file"):
        assert told["plan"][key] is None


# Into a registry


def test_every_image_arrives_with_its_digest(source, bundle, target, ferry):
    watch = Watch(target)
    done = ferry("load", bundle, "--to", target.address)
    assert done.returncode == 0, done.stderr
    assert_there(target, {name: source.digest(name) for name in source.names})
    assert tags_of(target) == source.names
    for name in source.names:
        assert json.loads(skopeo_inspect(target, name, raw=True))["mediaType"] not in INDEX_TYPES
    table = rows(done.stdout)
    assert {name: cells[2] for name, cells in table.items() if name != "IMAGE"} == \
        {f"{target.address}/{name}": source.digest(name) for name in source.names}
    assert f"registry {target.address}: 13 of 13 images in place, " in done.stdout
    assert_tags_last(watch.requests())
    assert_each_blob_sent_once(source, watch.requests())


def assert_tags_last(requests):
    """First blobs, then manifests by digest, then tags, each of which is read back."""
    blobs, by_digest, tags, read_back = [], [], [], []
    for at, request in enumerate(requests):
        manifest = request.manifest
        if "/blobs/" in request.path and request.writes:
            blobs.append(at)
        elif manifest and request.method == "PUT":
            (by_digest if manifest[1].startswith("sha256:") else tags).append(at)
        elif manifest and not manifest[1].startswith("sha256:") and request.status == 200:
            read_back.append((manifest, at))
    assert len(by_digest) == len(tags) == 13
    assert max(blobs) < min(by_digest) and max(by_digest) < min(tags)
    assert {requests[at].manifest for at in tags} == \
        {manifest for manifest, at in read_back
         if at > next(put for put in tags if requests[put].manifest == manifest)}


def assert_each_blob_sent_once(source, requests):
    """What a second repository needs, it takes over from the first."""
    uploaded = Counter(filter(None, (request.uploaded for request in requests)))
    mounted = Counter(filter(None, (request.mounted for request in requests)))
    manifests = {source.digest(name) for name in source.names}
    assert uploaded == dict.fromkeys(set(source.blobs()) - manifests, 1)
    uses = Counter(digest for name in source.names
                   for digest in set(source.blobs([name])) - manifests)
    assert mounted == {digest: count - 1 for digest, count in uses.items() if count > 1}


def test_what_is_there_is_not_sent_again(source, bundle, target, ferry):
    assert ferry("load", bundle, "--to", target.address, "--quiet").returncode == 0
    watch = Watch(target)
    done = ferry("load", bundle, "--to", target.address)
    assert done.returncode == 0, done.stderr
    assert [request for request in watch.requests() if request.writes] == []
    table = rows(done.stdout)
    del table["IMAGE"]
    assert len(table) == 13
    assert {cells[-1] for cells in table.values()} == {"there already, equal"}
    assert "13 of 13 images in place, 0 B sent" in done.stdout
    told = json.loads(ferry("load", bundle, "--to", target.address, "--json").stdout)
    assert told["sent"] == 0
    assert {image["state"] for image in told["images"]} == {"present"}


def test_a_registry_that_has_half_of_it_gets_the_rest(source, bundle, target, ferry):
    """Half of the images are there as lists that begin with arm64, as in the story."""
    half = source.names[::2]
    stack.push(source.cache, target.address, half)
    watch = Watch(target)
    done = ferry("load", bundle, "--to", target.address)
    assert done.returncode == 0, done.stderr
    assert_there(target, {name: source.digest(name) for name in source.names})
    uploaded = {request.uploaded for request in watch.requests()} - {None}
    assert uploaded and not uploaded & set(source.blobs(half))


@pytest.mark.parametrize("to, prefix", [
    ("{}/release/7", "release/7/"),
    ("docker://{}/release", "release/"),
    ("docker://{}/", ""),
])
def test_a_prefix_goes_before_the_names(source, small_bundle, target, ferry, to, prefix):
    done = ferry("load", small_bundle, "--to", to.format(target.address))
    assert done.returncode == 0, done.stderr
    assert_there(target, {prefix + name: source.digest(name)
                          for name in ("trap/small:1", "trap/small:2")})
    assert tags_of(target) == [prefix + "trap/small:1", prefix + "trap/small:2"]


@pytest.fixture(scope="module", name="twins")
def twins_fixture(source, tmp_path_factory):
    """A bundle with one path from two registries (the same one, by two of its names)."""
    path = tmp_path_factory.mktemp("twins") / "twins.tar.zst"
    names = [source.reference("trap/small:1"), f"localhost:{source.registry.port}/trap/small:1"]
    done = run_under([], "pack", *names, "-o", path)
    assert done.returncode == 0, done.stderr
    return path, names


def test_two_images_that_end_under_one_name_are_refused(twins, target, ferry):
    path, names = twins
    watch = Watch(target)
    done = ferry("load", path, "--to", target.address)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{names[0]} and {names[1]} would both be called {target.address}/trap/small:1" in \
        done.stderr
    assert not any(request.writes for request in watch.requests())


def test_one_of_two_that_share_a_name_can_be_loaded(source, twins, target, ferry):
    path, names = twins
    done = ferry("load", path, "--to", target.address, "--only", names[1])
    assert done.returncode == 0, done.stderr
    assert_there(target, {"trap/small:1": source.digest("trap/small:1")})


def test_only_what_is_asked_for_is_loaded(source, bundle, target, ferry):
    chosen = ["redis:7-alpine", "webapp:latest"]
    options = [word for name in chosen for word in ("--only", source.reference(name))]
    watch = Watch(target)
    done = ferry("load", bundle, "--to", target.address, *options)
    assert done.returncode == 0, done.stderr
    assert "plan: 2 images, 9 blobs, " in done.stderr
    assert tags_of(target) == chosen
    assert_there(target, {name: source.digest(name) for name in chosen})
    sent = {digest for request in watch.requests()
            for digest in (request.uploaded, request.mounted) if digest}
    assert sent < set(source.blobs(chosen))


def test_on_site_nobody_has_to_know_where_an_image_came_from(source, bundle, target, ferry):
    done = ferry("load", bundle, "--to", target.address, "--only", "redis:7-alpine")
    assert done.returncode == 0, done.stderr
    assert_there(target, {"redis:7-alpine": source.digest("redis:7-alpine")})
    assert ferry("inspect", bundle, "redis:7-alpine").stdout == \
        ferry("inspect", bundle, source.reference("redis:7-alpine")).stdout


def test_an_image_that_is_not_in_the_bundle_cannot_be_loaded(source, small_bundle, target,
                                                             ferry):
    done = ferry("load", small_bundle, "--to", target.address, "--only", "nothing:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing:1: not in the bundle; " in done.stderr
    for name in ("trap/small:1", "trap/small:2"):
        assert source.reference(name) in done.stderr
    assert tags_of(target) == []


def test_a_dry_run_sends_nothing(source, small_bundle, target, ferry):
    watch = Watch(target)
    done = ferry("load", small_bundle, "--to", target.address, "--dry-run")
    assert done.returncode == 0
    assert "plan: 2 images, " in done.stdout
    assert rows(done.stdout)[f"{target.address}/trap/small:1"][-1] == "planned, 726 B to send"
    assert not any(request.writes for request in watch.requests())


def test_a_registry_that_takes_nothing_is_told_clearly(source, small_bundle, ferry):
    with Registry(readonly=True) as target:
        done = ferry("load", small_bundle, "--to", target.address)
        assert done.returncode == 1
        assert f"{target.address} does not allow it (405); is it read-only?" in done.stderr
        for name in ("trap/small:1", "trap/small:2"):
            assert source.reference(name) in done.stderr
        assert f"registry {target.address}: 0 of 2 images in place, " in done.stdout
        assert tags_of(target) == []


def test_nobody_there_is_told_clearly(small_bundle, target, ferry):
    target.stop()
    began = time.monotonic()
    done = ferry("load", small_bundle, "--to", target.address, "--retries", 0)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"ferry: {target.address}: no connection: Connection refused\n" == done.stderr
    assert time.monotonic() - began < 10


def test_a_target_that_dies_half_way_gets_the_rest_later(source, bundle, target, ferry):
    """Nothing is visible of a load that did not get through; the same command finishes it."""
    killer = threading.Thread(target=kill_after_uploads, args=(target, 3))
    killer.start()
    done = ferry("load", bundle, "--to", target.address, "--retries", 1, "--jobs", 2)
    killer.join()
    assert done.returncode == 1, done.stdout
    assert "0 of 13 images in place" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("ferry: ")
    assert tags_of(target) == []

    had = {request.uploaded for request in Watch.whole(target)} - {None}
    target.restart()
    watch = Watch(target)
    again = ferry("load", bundle, "--to", target.address)
    assert again.returncode == 0, again.stderr
    assert_there(target, {name: source.digest(name) for name in source.names})
    assert not had & {request.uploaded for request in watch.requests()}


def kill_after_uploads(registry, count):
    """A power cut after some blobs have arrived, and long before all have."""
    wait_for(lambda: sum(bool(request.uploaded) for request in Watch.whole(registry)) >= count,
             seconds=60, interval=0.005)
    registry.kill()


# Layers without compression


def test_a_plain_layer_is_compressed_in_the_bundle_only(source, target, ferry, tmp_path):
    path = source.pack(tmp_path / "plain.tar.zst", "trap/plain-tar:1")
    contents = [(source.cache / path_of(layer)).read_bytes()
                for layer in source.manifest("trap/plain-tar:1")["layers"]]
    unpacked = output_of("zstd", "-dc", path)
    for content in contents:
        assert content in unpacked and content[:1024] not in path.read_bytes()
    assert path.stat().st_size < sum(map(len, contents))
    assert ferry("verify", path).returncode == 0

    assert ferry("load", path, "--to", target.address).returncode == 0
    assert_there(target, {"trap/plain-tar:1": source.digest("trap/plain-tar:1")})
    output_of("skopeo", "copy", "--src-tls-verify=false",
              f"docker://{target.address}/trap/plain-tar:1", f"dir:{tmp_path / 'copy'}")
    for content in contents:
        assert (tmp_path / "copy" / digest_of(content)[7:]).read_bytes() == content


def test_the_plain_layer_of_the_stack_lies_last(source, archive):
    plain = [path_of(layer) for layer in source.layers_of("scheduler-service:latest")
             if layer["mediaType"].endswith("tar")]
    assert plain and output_of("tar", "-tf", archive).decode().split()[-len(plain):] == plain


def test_a_copy_of_a_bundle_is_as_good(bundle, source, target, ferry, tmp_path):
    """Nothing depends on where the file lies or what it is called."""
    copy = tmp_path / "x"
    shutil.copyfile(bundle, copy)
    done = ferry("load", copy, "--to", target.address, "--only", source.reference("webapp:latest"))
    assert done.returncode == 0, done.stderr
    assert_there(target, {"webapp:latest": source.digest("webapp:latest")})
