"""Builds the stack and the traps into a cache directory, or reuses what is there."""

import fcntl
import hashlib
import json
from contextlib import contextmanager
from pathlib import Path

from blobs import BlobStore, replace_file
from image import put_attestation, put_index, put_manifest, single
from layers import build_layers, plan_layers
from packages import PrivateApt
from recipes import AMD64, ARM64, STACK
from traps import traps

MODULES_THAT_BUILD = ("blobs", "builder", "image", "layers", "packages", "recipes", "traps",
                      "tree")


def build(cache, traps_only=False, refresh=False, stack=STACK):
    """Make the cache hold the images of a stack; return the content of its stack.json.

    What the same recipes built before is reused without a look at the network,
    unless a refresh asks for the newest packages. The traps alone need no network.
    """
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        told = None if refresh else reusable(cache, traps_only, stack)
        return told or build_anew(cache, traps_only, stack)


def load(cache):
    """The content of a cache's stack.json."""
    return json.loads((Path(cache) / "stack.json").read_bytes())


def build_anew(cache, traps_only, stack):
    """Build all, then publish it by writing stack.json."""
    store = BlobStore(cache)
    store.sweep()
    images = {} if traps_only else build_stack(cache, store, stack)
    images.update(traps(store) if stack.traps else {})
    told = {"recipes": recipes_stamp(stack), "complete": not traps_only, "images": images}
    replace_file(cache / "stack.json", json.dumps(told, indent=1).encode())
    return told


def reusable(cache, traps_only, stack):
    """The stack.json of an earlier build if it is of these recipes and lost no blob."""
    try:
        told = load(cache)
    except (OSError, ValueError):
        return None
    store = BlobStore(cache)
    fits = (told["recipes"] == recipes_stamp(stack)
            and (told["complete"] or traps_only)
            and all(store.holds(digest, size) for digest, size in all_blobs(told)))
    return told if fits else None


def all_blobs(told):
    """Digest and size of everything that stack.json names."""
    for image in told["images"].values():
        yield image["digest"], image["size"]
        for manifest in manifests_of(image):
            for blob in (manifest, manifest["config"], *manifest["layers"]):
                yield blob["digest"], blob["size"]


def manifests_of(image):
    """The image manifests and attestation manifests of one tag."""
    return [*image["platforms"].values(), *image["attestations"]]


def recipes_stamp(stack):
    """A hash over the modules that decide on the bytes of a stack's images."""
    stamp = hashlib.sha256()
    for path in (*(Path(__file__).with_name(f"{name}.py") for name in MODULES_THAT_BUILD),
                 stack.recipes):
        stamp.update(path.read_bytes())
    return stamp.hexdigest()


@contextmanager
def locked(path):
    """Hold a lock file, so that two builds into one cache wait for each other."""
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_stack(cache, store, stack):
    """Build the images of a stack: first all their layers, on all processors."""
    apt = PrivateApt(cache / "apt")
    apt.update(stack.architectures, stack.not_needed)
    names = {name for image in stack.images for layer in image.layers for name in layer.packages}
    plans = {}
    for architecture in stack.architectures:
        selection = apt.obtain(names, architecture)
        plans.update({
            (image.name, architecture):
                list(plan_layers(selection, image, architecture, stack.gzip_level))
            for image in stack.images})
    distinct = {plan.key: plan for chain in plans.values() for plan in chain}
    built = build_layers(cache, apt.downloads, distinct)
    layers = {which: [built[plan.key] for plan in chain] for which, chain in plans.items()}
    return {tag: told for image in stack.images for tag, told in put_image(store, image, layers)}


def architecture_of(platform):
    """The middle of 'linux/arm64/v8'."""
    return platform.split("/")[1]


def put_image(store, image, layers):
    """Store configs, manifests and index of one image; yield its tags and their tale."""
    platforms = {
        platform: put_manifest(store, platform, layers[image.name, architecture_of(platform)],
                               image.dialect, image.settings)
        for platform in image.platforms}
    if image.indexed:
        attestations = [put_attestation(store, manifest)
                        for manifest in platforms.values() if image.attested]
        yield image.name, put_index(store, platforms, image.dialect, attestations)
    else:
        yield image.name, single(AMD64, platforms[AMD64])
        yield f"{image.name}-arm64", single(ARM64, platforms[ARM64])
