"""docs/format.md, proved: an independent writer makes the bytes that ferry makes."""

import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from bundles import (DOCKER_PLAIN, FRAME, LAYER_GZIP, LAYER_PLAIN, Layer, attestation,  # noqa: E402
                     digest_of, exact_layer, gzip_layer, image, nested, plain_layer, write,
                     xxh64)
from faulty import FaultyRegistry  # noqa: E402
from faulty_images import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_INDEX, to_json  # noqa: E402

SHARED = gzip_layer("shared", 5000)
OWN = gzip_layer("own", 700)
PLAIN = plain_layer("plain", 9000)
BORDER = FRAME - 512    # a layer that fills a frame, with its header


def docker(made):
    """The same image in Docker's own media types."""
    return dataclasses.replace(
        made, media_type=DOCKER_MANIFEST, manifest=made.manifest.replace(
            made.media_type.encode(), DOCKER_MANIFEST.encode()).replace(
            b"application/vnd.oci.image.config.v1+json", DOCKER_CONFIG.encode()))


def by_digest(made):
    return dataclasses.replace(made, name=f"{made.name.rpartition(':')[0]}@{made.digest}")


CONTENTS = {
    "one image": [("app:1", [SHARED, OWN])],
    "no layers": [("app:1", [])],
    "a layer of nothing": [("app:1", [exact_layer("nothing", 0), OWN])],
    "a layer twice": [("app:1", [SHARED, OWN, SHARED])],
    "a plain layer": [("app:1", [PLAIN])],
    "plain layers among others": [("app:1", [PLAIN, SHARED, plain_layer("more", 77, DOCKER_PLAIN),
                                             OWN])],
    "a plain layer that is a gzip layer too": [
        ("app:1", [PLAIN]), ("app:2", [Layer(LAYER_GZIP, PLAIN.data, PLAIN.diff_id), SHARED])],
    "shared layers": [("b:1", [SHARED, OWN]), ("a:2", [SHARED]), ("team/c:3", [PLAIN, SHARED])],
    "two names of one image": [("b:1", [SHARED]), ("a:1", [SHARED]), ("a:2", [OWN])],
    "a layer to the end of a frame": [("app:1", [exact_layer("border", BORDER)])],
    "a layer beyond a frame": [("app:1", [exact_layer("border", BORDER + 1)])],
    "a frame before another": [("app:1", [exact_layer("border", BORDER), OWN])],
    "a plain layer beyond a frame": [("app:1", [SHARED, plain_layer("large", 20_000_000)])],
    "plain layers that do not shrink": [("app:1", [exact_layer("p", 1000, LAYER_PLAIN),
                                                   exact_layer("q", 300_000, LAYER_PLAIN)])],
}


@pytest.fixture(name="server")
def server_fixture():
    with FaultyRegistry() as server:
        yield server


@pytest.fixture(name="packed")
def packed_fixture(ferry, tmp_path):
    """packed(images, options): what ferry makes of them."""
    def packed(images, *options):
        path = tmp_path / "bundle"
        done = ferry("pack", *(each.name for each in images), "-o", path, "--quiet", *options)
        assert (done.returncode, done.stderr) == (0, "")
        assert ferry("verify", path).returncode == 0
        return path.read_bytes()
    return packed


def serve(server, made):
    """Puts an image into the registry, under its name."""
    name = made.name.partition("/")[2].partition("@")[0]
    repo = name.partition(":")[0]
    server.add_manifest(name, made.media_type, made.manifest)
    server.add_blob(repo, made.config)
    for layer in made.layers:
        server.add_blob(repo, layer.data)
    return made


def serve_all(server, images):
    """Images of one name and the index above them, under that name."""
    for each in images:
        serve(server, each)
    above = images[0].within
    server.add_manifest(images[0].name.partition("/")[2].partition("@")[0], above.media_type,
                        above.data)
    return images


def by_index_digest(images):
    name = images[0].name.rpartition(":")[0]
    return [dataclasses.replace(each, name=f"{name}@{each.whole}") for each in images]


def expect_same(found, images):
    """Says where two bundles part, not what some megabytes are."""
    wanted = write(images)
    if found != wanted.data:
        at = next((i for i, (a, b) in enumerate(zip(found, wanted.data)) if a != b), -1)
        pytest.fail(f"{len(found)} bytes and {len(wanted.data)}, different from byte {at} on: "
                    f"{found[at:at + 100]} and {wanted.data[at:at + 100]}; {wanted.regions}")


def test_xxh64():
    """What the checksums are made with: values of libxxhash."""
    assert xxh64(b"") == 0xef46db3751d8e999
    assert xxh64(b"abc") == 0x44bc2cf5ad770999
    assert xxh64(bytes(range(222))) == 0x88ff0dada4bfa877


@pytest.mark.parametrize("name", CONTENTS)
def test_same_bytes(name, server, packed):
    images = [serve(server, image(f"{server.host}/{name}", layers))
              for name, layers in CONTENTS[name]]
    expect_same(packed(images), images)


def test_docker_images(server, packed):
    images = [serve(server, docker(image(f"{server.host}/app:1", [SHARED, PLAIN])))]
    expect_same(packed(images), images)


def test_images_by_digest(server, packed):
    """They have no tag, so docker save's list has no name for them."""
    images = [serve(server, image(f"{server.host}/app:1", [OWN])),
              by_digest(serve(server, image(f"{server.host}/other:1", [SHARED])))]
    expect_same(packed(images), images)


def test_images_from_an_index(server, packed):
    """The index is named, and not carried."""
    made = serve(server, image(f"{server.host}/app:1", [SHARED], "linux/arm64/v8"))
    index = to_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{
        "mediaType": made.media_type, "digest": made.digest, "size": len(made.manifest),
        "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}]})
    server.add_manifest("app:1", OCI_INDEX, index)
    images = [dataclasses.replace(made, index=digest_of(index))]
    expect_same(packed(images, "--platform", "linux/arm64"), images)


# Nested indexes

AMD64, ARM64 = "linux/amd64", "linux/arm64"
BOTH = ["--platform", ARM64, "--platform", AMD64]


def two_of(name, first=AMD64, second=ARM64, change=lambda each: each):
    return [change(image(name, [SHARED, PLAIN], first)), change(image(name, [OWN, SHARED], second))]


def noted(document):
    """Somebody else's index: it says more than ferry would."""
    document["annotations"] = {"org.example": "by hand"}


def served_index(server, images, edit=noted):
    """The digest of an index of the source's own above images, which is there now."""
    return serve_all(server, nested(images, document=edit))[0].within.digest


@pytest.mark.parametrize("change", [lambda each: each, docker], ids=["oci", "docker"])
def test_two_platforms(server, packed, change):
    """A new index, in the order of the platforms asked for, of one family with its children."""
    name = f"{server.host}/app:1"
    source = served_index(server, two_of(name, change=change))
    images = nested(two_of(name, change=change)[::-1], source)
    assert ("docker" in images[0].within.media_type) == (change is docker)
    expect_same(packed(images[:1], *BOTH), images)


def test_two_platforms_beside_others(server, packed):
    """Images of one name stand together, whatever the names around them."""
    names = [f"{server.host}/{name}" for name in ("a:1", "b:1", "c:1")]
    images = []
    for name in names:
        source = served_index(server, two_of(name))
        images += nested(two_of(name)[::-1], source)
    expect_same(packed([images[4], images[0], images[2]], *BOTH), images)


def test_a_version_of_windows(server, packed):
    """os.version is the config's, which no index need repeat."""
    name = f"{server.host}/app:1"
    def made():
        return [image(name, [OWN], "windows/amd64",
                      config=lambda config: config.update({"os.version": "10.0.20348.1"})),
                image(name, [SHARED])]
    source = served_index(server, made())
    images = nested(made(), source)
    assert b'"os":"windows","os.version":"10.0.20348.1"}' in images[0].within.data
    expect_same(packed(images[:1], "--platform", "windows/amd64", "--platform", AMD64), images)


def test_one_image_for_two_platforms(server, packed):
    """It is carried once, and needs no index then."""
    name = f"{server.host}/app:1"
    source = served_index(server, two_of(name))
    images = [dataclasses.replace(two_of(name)[1], index=source)]
    expect_same(packed(images, "--platform", ARM64, "--platform", "linux/arm64/v8"), images)


def test_all_platforms(server, packed):
    """The source's index as it is, with all that it lists; amd64 stands for it."""
    name = f"{server.host}/app:1"
    images = two_of(name, ARM64, AMD64)
    images += [attestation(name, each) for each in images]
    serve_all(server, nested(images, document=noted))
    assert [each.secondary for each in images] == [True, False, True, True]
    expect_same(packed(images[:1], "--platform", "all"), images)


def test_all_without_the_usual_platform(server, packed):
    name = f"{server.host}/app:1"
    arm = image(name, [OWN], "linux/arm/v7")
    images = [attestation(name, arm), arm, image(name, [SHARED], ARM64)]
    serve_all(server, nested(images, document=noted))
    assert [each.secondary for each in images] == [True, False, True]
    expect_same(packed(images[:1], "--platform", "all"), images)


def test_all_of_an_index_that_ferry_made(server, packed):
    """What stands in front was chosen to: it counts."""
    name = f"{server.host}/app:1"
    images = serve_all(server, nested(two_of(name, ARM64, AMD64)))
    assert [each.secondary for each in images] == [False, True]
    expect_same(packed(images[:1], "--platform", "all"), images)


def test_all_of_a_single_image(server, packed):
    images = [serve(server, image(f"{server.host}/app:1", [SHARED], ARM64))]
    expect_same(packed(images, "--platform", "all"), images)


@pytest.mark.parametrize("options", [BOTH, ["--platform", "all"]], ids=["two", "all"])
def test_platforms_by_digest(server, packed, options):
    """Without a tag the name has the digest of the index that is carried."""
    name = f"{server.host}/app:1"
    source = served_index(server, two_of(name))
    images = nested(two_of(name)[::-1], source) if options is BOTH else \
        nested(two_of(name), document=noted)
    asked = [dataclasses.replace(images[0], name=f"{server.host}/app@{source}")]
    expect_same(packed(asked, *options), by_index_digest(images))


def test_a_part_of_a_bundle_is_what_packing_it_makes(server, packed, ferry, tmp_path):
    """And so are two of them together."""
    names = [f"{server.host}/{name}" for name in ("a:1", "b:1")]
    for name in names:
        images = two_of(name)
        served_index(server, images + [attestation(name, images[0])])
    whole = [tmp_path / "a", tmp_path / "b"]
    for name, path in zip(names, whole):
        assert ferry("pack", name, "-o", path, "--platform", "all").returncode == 0
    for options in ([], ["--platform", AMD64], BOTH, ["--platform", "all"]):
        merged = tmp_path / "merged"
        done = ferry("pack", *(f"bundle:{path}" for path in whole), "-o", merged, "--force",
                     *options)
        assert done.returncode == 0, done.stderr
        asked = [dataclasses.replace(two_of(name)[0]) for name in names]
        assert merged.read_bytes() == packed(asked, "--force", *(options or
                                                                ["--platform", "all"]))
