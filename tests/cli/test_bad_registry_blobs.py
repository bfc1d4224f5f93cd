"""What bad layers do to the rest, and registries that die of them.

What a single fault does is in the table that tests/faults/rows.py begins.
"""

import json
import random
import threading
import time

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_failed, assert_packed, told
from mishaps import bench_fixture  # noqa: F401

SIZE = 1_000_000
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def play(bench, *actions, size=SIZE, times=1):
    """An app:1, whose layer suffers these faults one after the other."""
    layer = bench.add(layers=[size]).layers[0]
    return layer, [bench.server.fault("GET blob", action, digest=layer.digest, times=times)
                   for action in actions]


def requests_for(bench, layer):
    return bench.server.matching("GET blob", digest=layer.digest)


def ranges(bench, layer):
    """Where each request for the layer began."""
    return [record.headers.get("range", "bytes=0-") for record in requests_for(bench, layer)]


@pytest.mark.parametrize("kind", ["gzip", "tar"])
def test_wrong_bytes_in_either_part_of_the_bundle(bench, kind):
    """Plain layers are compressed on their way; they are proved like the others."""
    image = bench.add(layers=[SIZE, SIZE], layer_kind=kind)
    digest = image.layers[1].digest
    bench.server.fault("GET blob", act.wrong_bytes(), digest=digest)
    assert_done(bench.pack("app:1"))
    assert_packed(bench, bench.images)
    bench.bundle.unlink()
    bench.server.fault("GET blob", act.wrong_bytes(), digest=digest, times=None)
    done = bench.pack("app:1")
    assert_failed(bench, done, bench.name("app:1"), "blob " + digest, "its content is sha256:")
    assert "packed" not in done.stderr


def test_a_registry_that_dies_and_stays_dead(bench):
    layer, _ = play(bench)
    bench.server.die_when(blob_bytes=SIZE // 2)
    done = bench.pack("app:1")
    assert done.seconds < 10, told(done)
    assert_failed(bench, done, bench.name("app:1"), "blob " + layer.digest,
                  bench.server.host, "no connection: Connection refused")


def revive_soon(server):
    """Once it is dead, and ferry has seen that."""
    while not server.main.closed:
        time.sleep(0.01)
    time.sleep(0.3)
    server.revive()


def test_a_registry_that_dies_and_comes_back(bench):
    layer, _ = play(bench)
    bench.server.die_when(blob_bytes=SIZE // 2)
    helper = threading.Thread(target=revive_soon, args=(bench.server,))
    helper.start()
    done = bench.pack("app:1", retries=5)
    helper.join()
    assert_done(done)
    assert ranges(bench, layer)[-1] != "bytes=0-"
    assert sum(record.sent for record in requests_for(bench, layer)) < 1.05 * layer.size + 1000
    assert_packed(bench, bench.images)


def test_a_blob_lost_in_one_repository_comes_from_another(bench):
    """Registries forget; what two images share is asked for at both places."""
    first = bench.add("a:1", layers=[SIZE])
    bench.add("b:1", layers=[first.layers[0], 500])
    digest = first.layers[0].digest
    rule = bench.server.fault("GET blob", act.status(404), digest=digest, repo="a", times=None)
    assert_done(bench.pack("a:1", "b:1"))
    assert rule.fired == 1
    assert_packed(bench, bench.images)


# What one failure does to the rest


def test_a_failure_ends_the_other_transfers(bench):
    """A layer that takes hours must not be waited for when another cannot be had."""
    image = bench.add(layers=[1000, SIZE])
    bench.server.fault("GET blob", act.status(403), digest=image.layers[0].digest, times=None)
    bench.server.fault("GET blob", act.stall(after=1000, seconds=30),
                       digest=image.layers[1].digest, times=None)
    done = bench.pack("app:1")
    assert_failed(bench, done, image.layers[0].digest, "403")
    assert done.seconds < 10, told(done)


def add_zeros(bench, name, size):
    """An image of one plain layer that compresses to nearly nothing."""
    server, repository = bench.server, name.partition(":")[0]
    layer = bytes(size)
    digest = server.add_blob(repository, layer)
    config = json.dumps({"architecture": "amd64", "os": "linux",
                         "rootfs": {"type": "layers", "diff_ids": [digest]}}).encode()
    server.add_manifest(name, OCI_MANIFEST, json.dumps({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                   "digest": server.add_blob(repository, config), "size": len(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest,
                    "size": size}]}).encode())
    return digest


def noise(_exchange, response):
    return response.with_body(random.Random(1).randbytes(len(response.body)))


def test_a_plain_layer_that_is_noise_at_first(bench):
    """The noise takes more room than what comes after it; nothing of it may stay."""
    digest = add_zeros(bench, "zeros:1", 20 << 20)
    rule = bench.server.fault("GET blob", act.altered("noise", noise), digest=digest)
    assert_done(bench.pack("zeros:1"))
    assert rule.fired
    assert bench.bundle.stat().st_size < 100_000
    assert_done(bench.run("verify", bench.bundle))


@pytest.mark.parametrize("served", [
    OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"])
def test_a_manifest_that_does_not_name_its_type(bench, served):
    """Whatever the registry calls it, who has only the bundle must come to the same type."""
    image = bench.add(layers=[1000])
    body = json.loads(bench.server.store.content[image.manifest])
    body.pop("mediaType", None)
    bench.server.add_manifest("app:2", served, json.dumps(body).encode())
    assert_done(bench.pack("app:2"))
    assert_done(bench.run("verify", bench.bundle))
