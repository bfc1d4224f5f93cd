"""A docker-archive of one image, as `docker load` and `podman load` take it."""

import io
import tarfile

from blobs import BlobStore, canonical_json
from builder import load


def write_docker_archive(cache, name, path, platform="linux/amd64", tag=None):
    """Write the image of one platform into a tar file, under its own name or another."""
    manifest = load(cache)["images"][name]["platforms"][platform]
    store = BlobStore(cache)
    description = [{"Config": member_name(manifest["config"]), "RepoTags": [tag or name],
                    "Layers": [member_name(layer) for layer in manifest["layers"]]}]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        add(archive, "manifest.json", canonical_json(description))
        for blob in unique([manifest["config"], *manifest["layers"]]):
            add(archive, member_name(blob), store.read(blob["digest"]))


def member_name(blob):
    """Where a blob lies in the archive."""
    return "blobs/sha256/" + blob["digest"].removeprefix("sha256:")


def unique(blobs):
    """The blobs, each once: a layer may occur twice in an image."""
    return {blob["digest"]: blob for blob in blobs}.values()


def add(archive, name, data):
    """Add a file to the archive."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))
