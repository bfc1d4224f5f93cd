"""Layouts that `ferry load --to oci:DIR` makes or adds to, as skopeo and podman see them."""

import json

import pytest

from archives import Image, digest_of, layer, oci, tar
from containerd import Containerd
from ferry import run as ferry
from podman import Podman
from process import run

A, B, C = layer("a"), layer("b"), layer("c")
APP = Image("docker.io/library/app:1", [A, B], packed=True)
WEB = Image("docker.io/acme/web:2", [A, C], packed=True)


@pytest.fixture(scope="module", name="bundle")
def bundle_fixture(tmp_path_factory):
    """Two images that share a layer."""
    folder = tmp_path_factory.mktemp("oci-dir")
    (folder / "a.tar").write_bytes(tar(oci(APP, WEB)))
    done = ferry("pack", f"oci-archive:{folder / 'a.tar'}", "-o", folder / "a.tar.zst")
    assert done.returncode == 0, done.stderr
    return folder / "a.tar.zst"


def load(bundle, place):
    """Load into the layout, which must work."""
    done = ferry("load", bundle, "--to", f"oci:{place}")
    assert done.returncode == 0, done.stderr


def skopeo_digest(source):
    """The digest of the manifest's own bytes, as skopeo reads them."""
    return digest_of(run("skopeo", "inspect", "--raw", source).encode())


def test_skopeo_reads_it(bundle, tmp_path):
    """Each by its whole name, all blobs included."""
    place = tmp_path / "layout"
    load(bundle, place)
    for image in (APP, WEB):
        assert skopeo_digest(f"oci:{place}:{image.name}") == digest_of(image.manifest)
        run("skopeo", "copy", "--preserve-digests", f"oci:{place}:{image.name}",
            f"oci:{tmp_path / 'copy'}:{image.name}")
    copied = json.loads((tmp_path / "copy" / "index.json").read_bytes())["manifests"]
    assert {entry["digest"] for entry in copied} == {digest_of(image.manifest)
                                                     for image in (APP, WEB)}


def test_podman_pulls_from_it(bundle, tmp_path):
    """Each by its whole name, with its digest."""
    place = tmp_path / "layout"
    load(bundle, place)
    with Podman() as podman:
        for image in (APP, WEB):
            pulled = podman.client("pull", f"oci:{place}:{image.name}").split()[-1]
            assert podman.image_inspect(pulled)["Digest"] == digest_of(image.manifest)


def test_containerd_imports_it(bundle, tmp_path):
    """As a tar of the folder, under the same names."""
    place, archive = tmp_path / "layout", tmp_path / "layout.tar"
    load(bundle, place)
    run("tar", "-C", place, "-cf", archive, ".")
    with Containerd() as containerd:
        containerd.ctr("default", "images", "import", archive)
        assert containerd.images("default") == {image.name: digest_of(image.manifest)
                                                for image in (APP, WEB)}


def test_what_skopeo_put_there_stays(bundle, tmp_path):
    """skopeo makes a layout, ferry adds to it, skopeo adds again: all of it can be read."""
    place = tmp_path / "layout"
    other, more = (Image(f"docker.io/library/{name}:1", [A, layer(name)], packed=True)
                   for name in ("other", "more"))
    (tmp_path / "b.tar").write_bytes(tar(oci(other)))
    (tmp_path / "c.tar").write_bytes(tar(oci(more)))
    run("skopeo", "copy", f"oci-archive:{tmp_path / 'b.tar'}:1", f"oci:{place}:other:1")
    load(bundle, place)
    run("skopeo", "copy", f"oci-archive:{tmp_path / 'c.tar'}:1", f"oci:{place}:more:1")
    for name, image in (("other:1", other), ("more:1", more), (APP.name, APP), (WEB.name, WEB)):
        assert skopeo_digest(f"oci:{place}:{name}") == digest_of(image.manifest)
    load(bundle, place)
