"""Images that a runtime can unpack, straight into a bundle: layers of real files."""

import gzip
import io
import tarfile

from bundles import (LAYER_GZIP, Layer, attestation, digest_of, image, nested, noise, write)

SHARED = {"etc/shared": b"the same everywhere\n" * 500}


def files_layer(files):
    """A layer with some files, {path: content}."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    plain = data.getvalue()
    return Layer(LAYER_GZIP, gzip.compress(plain, 1, mtime=0), digest_of(plain))


def app(name, size=1000, platform="linux/amd64"):
    """An image with a layer that all have and one of its own, of about `size` bytes."""
    own = {f"opt/{name.replace('/', '-')}": noise(name + platform, size)}
    return image(name, [files_layer(SHARED), files_layer(own)], platform)


def everywhere(name):
    """An image for two platforms with an attestation, below the source's own index."""
    here = app(name)
    return nested([here, app(name, platform="linux/arm64/v8"), attestation(name, here)],
                  document=lambda index: index.update(annotations={"made": "elsewhere"}))


def pack(path, *images):
    """A bundle of these; returns its path."""
    path.write_bytes(write(list(images)).data)
    return path
