"""What may be wrong on purpose with indexes that are carried: more cases for test_bad_bundles.py."""

import dataclasses

from bundles import Blob, attestation, blobs_of, digest_of, gzip_layer, image, nested
from edits import drop, put, same_size
from hostile import IMAGES, NAME, OPEN, SHARED, UNLIKE, VERIFY, case

SOURCE = digest_of(b"an index that stayed where it was")
OWN = gzip_layer("arm", 300)
INDEX, FIRST_MANIFEST, SECOND_MANIFEST = 0, 1, 3    # among the blobs of two()


def two(*platforms):
    return [image(NAME, [SHARED], platforms[0] if platforms else "linux/amd64"),
            image(NAME, [OWN], platforms[1] if platforms else "linux/arm64")]


def noted(document):
    document["annotations"] = {"org.example": "by hand"}


MADE = tuple(nested(two(), SOURCE))
ALL = two("linux/arm64", "linux/amd64")
ALL = tuple(nested([*ALL, attestation(NAME, ALL[1])], document=noted))
ALL_DIGEST = ALL[0].whole
CHOSEN = "bundle.json names {} images, its index {}"


def bad(name, seen_by, says, of=MADE, **edits):
    says = (says,) if isinstance(says, str) else says
    case(f"nested: {name}", seen_by, says if seen_by in (OPEN, VERIFY) else ("app:1", *says),
         of=of, **edits)


def swapped(document):
    images = document["images"]
    images[0], images[1] = images[1], images[0]


def each_image(**values):
    """Says that of both; None: does not say it."""
    def edit(document):
        for stated in document["images"]:
            stated.update(values)
            for key in [key for key, value in values.items() if value is None]:
                del stated[key]
    return edit


def above(document, index=SOURCE):
    """An index of that content above the two images, which fits all the rest."""
    return tuple(nested(two(), index, document))


def without(number):
    def edit(blobs):
        del blobs[number]
    return edit


# What bundle.json says

bad("another order", IMAGES, "bundle.json says manifest", statement=swapped)
bad("a child less", IMAGES, "bundle.json does not name it", statement=drop("images", 1))
bad("a child less, no image", IMAGES, "bundle.json does not name it", of=ALL,
    statement=drop("images", 2))
bad("a child more", IMAGES, CHOSEN.format(3, 2), statement=lambda document:
    document["images"].append(document["images"][1]))
bad("one index of another", OPEN, "is twice or out of order",
    statement=put("images", 1, "within", SOURCE))
bad("one without an index", OPEN, "is twice or out of order", statement=drop("images", 1, "within"))
bad("both without an index", OPEN, "is twice or out of order", statement=each_image(within=None))
bad("chosen from two indexes", OPEN, "is twice or out of order",
    statement=put("images", 1, "index", digest_of(b"")))
bad("a manifest of another", IMAGES, "bundle.json says manifest",
    statement=put("images", 1, "manifest", MADE[0].digest))
bad("a platform of another", IMAGES, "bundle.json says linux/amd64, its config linux/arm64",
    statement=put("images", 1, "platform", "linux/amd64"))
bad("an image that is said to be none", IMAGES, "bundle.json says no image, its config linux/arm64",
    statement=drop("images", 1, "platform"))
bad("no image that is said to be one", IMAGES, "bundle.json says linux/amd64, its config no image",
    of=ALL, statement=put("images", 2, "platform", "linux/amd64"))
bad("no image at all", OPEN, "'docker.io/library/app:1' has no image", statement=each_image(platform=None))
bad("no platform and no index", OPEN, '"platform" is missing', of=(image(NAME, [SHARED]),),
    statement=drop("images", 0, "platform"))
for value in ("", "sha256:", digest_of(b"")[:-1], 7, None):
    bad(f"within {value!a:.12}", OPEN, "bundle.json: image 0",
        statement=put("images", 0, "within", value))
bad("a manifest for an index", IMAGES, "an image manifest instead of an index",
    statement=each_image(within=MADE[0].digest))
bad("an index that is not there", IMAGES, f"blob {SOURCE} is missing",
    statement=each_image(within=SOURCE))
bad("an index that they were not chosen from", IMAGES,
    ("is neither the one that its images were chosen from nor of ferry's making", ALL_DIGEST),
    of=ALL, statement=each_image(index=SOURCE))
case("nested: called by the digest of a child", IMAGES,
     (f"app@{ALL[0].digest}", f"its index is {ALL_DIGEST}"),
     of=[dataclasses.replace(each, name=f"docker.io/library/app@{ALL[0].digest}") for each in ALL])

# What the index is

bad("another content of the index", IMAGES, f"blob {MADE[0].whole}: its content is",
    runs=same_size(INDEX))
bad("a child with another content", IMAGES, f"blob {MADE[1].digest}: its content is",
    runs=same_size(SECOND_MANIFEST))
bad("a child that is not there", IMAGES, f"blob {MADE[1].digest} is missing",
    blobs=without(SECOND_MANIFEST))
bad("an index that says another platform", IMAGES,
    "its index says linux/s390x, its config says linux/arm64",
    of=above(put("manifests", 1, "platform", "architecture", "s390x")))
bad("an index that says another size", IMAGES, "more than the 7 bytes it should have",
    of=above(put("manifests", 1, "size", 7)))
bad("one child in two sizes", IMAGES, "listed with two different sizes",
    of=above(lambda document: document["manifests"].append(
        {**document["manifests"][0], "size": 7})))
bad("an index inside it", IMAGES, "an index inside an index",
    of=above(put("manifests", 1, "mediaType", "application/vnd.oci.image.index.v1+json")))
bad("an index that is a manifest too", IMAGES, "an index as well as an image",
    of=above(put("layers", [])))
bad("an index that is no JSON", IMAGES, f"index {digest_of(b'rubbish')}",
    of=tuple(dataclasses.replace(each, within=dataclasses.replace(each.within, data=b"rubbish"))
             for each in MADE))
bad("an index of one child less", IMAGES, CHOSEN.format(2, 1), of=above(drop("manifests", 1)))
bad("an index of one child more", IMAGES, "bundle.json does not name it",
    of=above(lambda document: document["manifests"].append(
        {**document["manifests"][0], "digest": SOURCE})))
bad("an index in another order", IMAGES, "bundle.json says manifest",
    of=above(lambda document: document["manifests"].reverse()))
bad("an index that ferry would write otherwise", IMAGES, "nor of ferry's making", of=above(noted))

# What other tools read, and what nobody does

bad("another child in manifest.json", VERIFY, f"manifest.json {UNLIKE}",
    manifest=lambda entries: [{**entries[0], "Config": Blob(MADE[1].config).name,
                               "Layers": [Blob(OWN.data).name]}])
bad("the first child in manifest.json", VERIFY, f"manifest.json {UNLIKE}", of=ALL,
    manifest=lambda entries: [{**entries[0], "Config": Blob(ALL[0].config).name,
                               "Layers": [Blob(SHARED.data).name]}])
bad("both children in manifest.json", VERIFY, f"manifest.json {UNLIKE}",
    manifest=lambda entries: [*entries, {**entries[0], "Config": Blob(MADE[1].config).name,
                                         "Layers": [Blob(OWN.data).name]}])
bad("a child in index.json", VERIFY, f"index.json {UNLIKE}",
    index=put("manifests", 0, "digest", MADE[0].digest))
bad("a platform in index.json", VERIFY, f"index.json {UNLIKE}",
    index=put("manifests", 0, "platform", {"architecture": "amd64", "os": "linux"}))
bad("documents out of order", VERIFY, "the blobs are out of order",
    blobs=lambda blobs: [blobs[FIRST_MANIFEST], blobs[INDEX], *blobs[2:]])
bad("the blobs of a child that no name has", VERIFY, "no image needs it",
    of=(image("docker.io/library/db:1", [SHARED]),),
    blobs=lambda blobs: [*blobs, *(blob for blob in blobs_of(list(MADE))
                                   if blob.digest not in {each.digest for each in blobs})])
