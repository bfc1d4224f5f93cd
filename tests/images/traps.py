"""Small images, each with one peculiarity that a careless reader trips over."""

import hashlib

from image import files_layer, put_attestation, put_index, put_manifest, single

AMD64, ARM64, ARMV7 = "linux/amd64", "linux/arm64/v8", "linux/arm/v7"
BIG_LAYER_SIZE = 24 << 20


def traps(store):
    """Build all traps; return what stack.json tells of each by its name."""
    return {name: build(store) for name, build in TRAPS.items()}


def note(store, text, compression="gzip"):
    """A layer with a single short file."""
    return files_layer(store, {"note.txt": f"{text}\n".encode()}, compression)


def noted(store, platform, compression="gzip"):
    """A one-layer image for a platform, the platform's name inside."""
    return put_manifest(store, platform, [note(store, platform, compression)])


def by_platform(store, *platforms):
    """One-layer images for an index."""
    return {platform: noted(store, platform) for platform in platforms}


def arm_only(store):
    """An index without any amd64 image."""
    return put_index(store, by_platform(store, ARM64, ARMV7))


def arm_single(store):
    """A single manifest; only its config tells that it is for arm64."""
    return single(ARM64, noted(store, ARM64))


def lying_index(store):
    """An index that offers an arm64 image as one for amd64."""
    return put_index(store, {AMD64: noted(store, ARM64)})


def attestation_only(store):
    """An index whose only entry besides arm64 is an attestation."""
    platforms = by_platform(store, ARM64)
    return put_index(store, platforms, attestations=[put_attestation(store, platforms[ARM64])])


def zstd_layer(store):
    """An amd64 image with a layer that is not gzip."""
    return put_index(store, {AMD64: noted(store, AMD64, "zstd")})


def plain_tar(store):
    """An amd64 image without any compressed layer."""
    layers = [note(store, text, "none") for text in ("first", "second")]
    return single(AMD64, put_manifest(store, AMD64, layers))


def small(edition):
    """Two editions of a good image for two platforms, with a layer in common."""
    def build(store):
        shared = note(store, "shared by the editions of small")
        return put_index(store, {
            platform: put_manifest(store, platform, [
                shared, files_layer(store, {"edition": f"{edition} {platform}\n".encode()})])
            for platform in (ARM64, AMD64)})
    return build


def big(store):
    """An amd64 image with one large layer that no compression makes smaller."""
    data = hashlib.shake_256(b"trap/big").digest(BIG_LAYER_SIZE)
    return put_index(store, {AMD64: put_manifest(
        store, AMD64, [files_layer(store, {"noise.bin": data})])})


TRAPS = {
    "trap/arm-only:1": arm_only,
    "trap/arm-single:1": arm_single,
    "trap/lying-index:1": lying_index,
    "trap/attestation-only:1": attestation_only,
    "trap/zstd-layer:1": zstd_layer,
    "trap/plain-tar:1": plain_tar,
    "trap/small:1": small(1),
    "trap/small:2": small(2),
    "trap/big:1": big,
}
