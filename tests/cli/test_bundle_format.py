"""docs/format.md, proved: an independent writer makes the bytes that ferry makes."""

import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from bundles import (DOCKER_PLAIN, FRAME, LAYER_GZIP, LAYER_PLAIN, Layer, digest_of,  # noqa: E402
                     exact_layer, gzip_layer, image, plain_layer, write, xxh64)
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
