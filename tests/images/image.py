"""Configs, manifests and indexes, in the OCI dialect and in Docker's schema 2."""

import time

from blobs import canonical_json
from tree import EPOCH, Tree, store_layer

CREATED = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH))

OCI, DOCKER = "oci", "docker"
INDEX_TYPE = {
    OCI: "application/vnd.oci.image.index.v1+json",
    DOCKER: "application/vnd.docker.distribution.manifest.list.v2+json",
}
MANIFEST_TYPE = {
    OCI: "application/vnd.oci.image.manifest.v1+json",
    DOCKER: "application/vnd.docker.distribution.manifest.v2+json",
}
CONFIG_TYPE = {
    OCI: "application/vnd.oci.image.config.v1+json",
    DOCKER: "application/vnd.docker.container.image.v1+json",
}
LAYER_TYPE = {
    (OCI, "gzip"): "application/vnd.oci.image.layer.v1.tar+gzip",
    (OCI, "zstd"): "application/vnd.oci.image.layer.v1.tar+zstd",
    (OCI, "none"): "application/vnd.oci.image.layer.v1.tar",
    (DOCKER, "gzip"): "application/vnd.docker.image.rootfs.diff.tar.gzip",
    (DOCKER, "none"): "application/vnd.docker.image.rootfs.diff.tar",
}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def platform_fields(platform):
    """'linux/arm64/v8' as the fields of a descriptor's platform."""
    fields = dict(zip(("os", "architecture", "variant"), platform.split("/")))
    return {name: fields[name] for name in ("architecture", "os", "variant") if name in fields}


def files_layer(store, files, compression="gzip"):
    """A layer of a few files: path -> bytes."""
    tree = Tree()
    for path, data in files.items():
        tree.add_file(path, data)
    return store_layer(store, tree, compression)


def config_document(platform, settings, layers):
    """The image config: what to run, on what platform, on which layers."""
    return {
        **platform_fields(platform),
        "created": CREATED,
        "config": {"Env": [PATH], **settings},
        "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in layers]},
        "history": [{"created": CREATED, "created_by": layer.get("name", "files")}
                    for layer in layers],
    }


def put_manifest(store, platform, layers, dialect=OCI, settings=None):
    """Store config and manifest of one platform; return what stack.json tells of it."""
    config = store.add(canonical_json(config_document(platform, settings or {}, layers)))
    config = {"mediaType": CONFIG_TYPE[dialect], **config}
    descriptors = [{"mediaType": LAYER_TYPE[dialect, layer["compression"]],
                    "digest": layer["digest"], "size": layer["size"]} for layer in layers]
    manifest = store.add(canonical_json({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE[dialect],
        "config": config, "layers": descriptors}))
    told = [{**descriptor, "diff_id": layer["diff_id"], "unpacked": layer["unpacked"]}
            for descriptor, layer in zip(descriptors, layers)]
    return {"mediaType": MANIFEST_TYPE[dialect], **manifest, "config": config, "layers": told}


def put_attestation(store, subject):
    """Store an attestation manifest for one image manifest, the way BuildKit does."""
    statement = store.add(canonical_json({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "image", "digest": {"sha256": subject["digest"][7:]}}],
        "predicate": {"builder": {"id": ""}, "buildType": "https://mobyproject.org/buildkit@v1"},
    }))
    layer = {"mediaType": "application/vnd.in-toto+json", **statement,
             "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}}
    config = {"mediaType": CONFIG_TYPE[OCI], **store.add(canonical_json({
        "architecture": "unknown", "os": "unknown", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [statement["digest"]]}}))}
    manifest = store.add(canonical_json({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE[OCI],
        "config": config, "layers": [layer]}))
    return {"mediaType": MANIFEST_TYPE[OCI], **manifest, "config": config,
            "layers": [{**layer, "diff_id": statement["digest"]}],
            "subject": subject["digest"]}


def descriptor_of(manifest, platform, annotations=None):
    """An index entry for a manifest."""
    entry = {name: manifest[name] for name in ("mediaType", "digest", "size")}
    entry["platform"] = platform_fields(platform)
    return {**entry, "annotations": annotations} if annotations else entry


def attestation_entry(attestation):
    """An index entry for an attestation, with the annotations that tie it to its image."""
    return descriptor_of(attestation, "unknown/unknown", {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": attestation["subject"]})


def put_index(store, platforms, dialect=OCI, attestations=()):
    """Store an index over manifests by platform, in the order given; describe it."""
    entries = [descriptor_of(manifest, platform) for platform, manifest in platforms.items()]
    entries += map(attestation_entry, attestations)
    index = store.add(canonical_json({
        "schemaVersion": 2, "mediaType": INDEX_TYPE[dialect], "manifests": entries}))
    return {"mediaType": INDEX_TYPE[dialect], **index,
            "platforms": platforms, "attestations": list(attestations)}


def single(platform, manifest):
    """Describe a tag that names one manifest without any index."""
    top = {name: manifest[name] for name in ("mediaType", "digest", "size")}
    return {**top, "platforms": {platform: manifest}, "attestations": []}
