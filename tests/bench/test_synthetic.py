"""The registries that make their content up, and forget it: what they give is real."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import urllib.error
import urllib.request

import synthetic_content
from synthetic import Release, Sink, Source
from synthetic_content import LAYER_TYPE, Contents, HugeBlob

SMALL = Release(images=20, layers=5, shared=0.8, blob_size=3000, seed=7)


def bytes_of(blob):
    return b"".join(map(bytes, blob.pieces(0, blob.size)))


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def members(layer):
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as tar:
        return [(member.name, len(tar.extractfile(member).read())) for member in tar]


def test_a_release_shares_layers_within_families():
    contents = Contents(SMALL)
    layers = [blob for blob in contents.blobs.values() if blob.kind == LAYER_TYPE]
    assert len(layers) == 2 * 4 + 20 * 1  # two families, and one layer of each image's own
    assert len(contents.blobs) == len(layers) + 20
    for digest, blob in contents.blobs.items():
        assert digest == sha256(bytes_of(blob))


def test_layers_are_archives_that_configs_know():
    contents = Contents(SMALL)
    for manifest in contents.manifests.values():
        manifest = json.loads(manifest.content)
        config = json.loads(contents.blobs[manifest["config"]["digest"]].content)
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
            content = contents.blobs[layer["digest"]].content
            assert len(content) == layer["size"]
            assert members(content) == [("data", 3000)]
            assert sha256(gzip.decompress(content)) == diff_id


def test_the_same_seed_makes_the_same_release():
    assert Contents(SMALL).blobs.keys() == Contents(SMALL).blobs.keys()
    other = Contents(Release(**{**vars(SMALL), "seed": 8}))
    assert not Contents(SMALL).blobs.keys() & other.blobs.keys()


def test_a_huge_layer_is_what_it_says_and_any_part_can_be_had(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_content, "KNOWN", tmp_path / "streams.json")
    huge = HugeBlob(5 << 20, seed=1)
    whole = bytes_of(huge)
    assert len(whole) == huge.size
    assert sha256(whole) == huge.digest
    assert sha256(gzip.decompress(whole)) == huge.diff_id
    [(name, size)] = members(whole)
    assert name == "data" and 3 << 20 < size < 5 << 20
    for first, end in ((0, 10), (5, 600), (1_000_000, 3_000_000), (huge.size - 9, huge.size)):
        assert b"".join(map(bytes, huge.pieces(first, end))) == whole[first:end]
    again = HugeBlob(5 << 20, seed=1)  # from what is known
    assert (again.digest, bytes_of(again)) == (huge.digest, whole)


def test_a_sink_tells_what_it_has_taken(tmp_path):
    with Sink(tmp_path) as sink:
        def ask(method, path, body=None):
            request = urllib.request.Request(f"http://{sink.address}{path}", body, method=method)
            try:
                with urllib.request.urlopen(request) as reply:
                    return reply.status, dict(reply.headers)
            except urllib.error.HTTPError as error:
                return error.code, dict(error.headers)

        digest = sha256(b"12345")
        assert ask("HEAD", f"/v2/a/b/blobs/{digest}")[0] == 404
        status, headers = ask("POST", "/v2/a/b/blobs/uploads/")
        assert status == 202
        assert ask("PATCH", headers["Location"], b"123")[0] == 202
        assert ask("PUT", f"{headers['Location']}?digest={digest}", b"45")[0] == 201
        status, headers = ask("HEAD", f"/v2/a/b/blobs/{digest}")
        assert (status, headers["Content-Length"]) == (200, "5")
        assert ask("POST", f"/v2/c/blobs/uploads/?mount={digest}&from=x")[0] == 202
        assert ask("POST", f"/v2/c/blobs/uploads/?mount={digest}&from=a/b")[0] == 201
        assert ask("HEAD", f"/v2/c/blobs/{digest}")[0] == 200
        assert ask("PUT", "/v2/c/manifests/1", b"{}")[0] == 201
        assert ask("GET", f"/v2/c/manifests/{sha256(b'{}')}")[0] == 200


def test_ferry_carries_a_release_across(tmp_path):
    def ferry(*arguments):
        return subprocess.run([os.environ["FERRY"], *arguments], check=True,
                              capture_output=True, text=True).stdout

    bundle = tmp_path / "release.tar.zst"
    with Source(SMALL, tmp_path) as source:
        urls, _ = source.blobs()
        ferry("pack", *source.references, "-o", bundle)
    assert len(urls) == 20 + 20 + 28  # manifests, configs, layers
    ferry("verify", bundle)
    memory = tmp_path / "sink"
    memory.mkdir()
    with Sink(memory) as sink:
        loaded = json.loads(ferry("load", bundle, "--to", sink.address, "--any-host", "--json"))
    assert {image["state"] for image in loaded["images"]} == {"done"}
