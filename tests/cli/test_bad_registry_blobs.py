"""Layers that come cut, wrong, too long, or never.

What can be had is had, each byte once where the registry lets us; what cannot
ends in bounded time with a message that names image, blob and reason.
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


CUT = [act.cut(after=SIZE // 2)]
RESUMED = {
    # What breaks, and goes on where it broke: no byte is sent twice.
    "reset": CUT,
    "closed": [act.cut(after=SIZE // 2, how="fin")],
    "reset after the headers": [act.cut(after=0)],
    "closed before an answer": [act.cut(after=None, how="fin")],
    "reset at the last byte": [act.cut(after=SIZE - 1)],
    "reset twice": [act.cut(after=1000), act.cut(after=1)],
    "length too large": [act.wrong_length(header=7)],
    "chunked": [act.unframed("chunked")],
    "until it closes": [act.unframed("close")],
    "chunked, with a wrong length": [act.unframed("both")],
    "encoded by name only": [act.gzip_encoded(honest=False)],
    "another digest in the header": [act.wrong_digest_header()],
    "called a text": [act.wrong_content_type("text/plain")],
}


@pytest.mark.parametrize("name", RESUMED)
def test_each_byte_comes_once(bench, name):
    layer, rules = play(bench, *RESUMED[name])
    assert_done(bench.pack("app:1", retries=3))
    assert all(rule.fired for rule in rules)
    assert sum(record.sent for record in requests_for(bench, layer)) == layer.size
    assert_packed(bench, bench.images)
    assert bench.left() == [bench.bundle.name]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("least, most", [(1 << 20, 3 << 19), (5_000, 50_000)])
def test_cut_at_random_places(bench, seed, least, most):
    """A line that breaks ever again is no reason to give up as long as it moves."""
    dice = random.Random(seed)
    pieces = [dice.randrange(least, most) for _ in range(4)]
    layer, _ = play(bench, *map(act.cut, pieces), size=8 << 20)
    done = bench.pack("app:1", retries=1)
    assert_done(done)
    places = [sum(pieces[:n]) for n in range(len(pieces) + 1)]
    assert ranges(bench, layer) == [f"bytes={place}-" for place in places]
    assert sum(record.sent for record in requests_for(bench, layer)) == layer.size
    assert done.stderr.count("the connection broke after") == len(pieces), told(done)
    assert_packed(bench, bench.images)


BAD_RANGES = {
    "ignored": act.ignore_range(),
    "begins later": act.wrong_range(start=10),
    "begins earlier": act.wrong_range(start=-10, body=True),
    "begins later, and so do the bytes": act.wrong_range(start=10, body=True),
    "of a larger whole": act.wrong_range(total=5),
    "refused": act.range_not_satisfiable(),
    "refused with a lie": act.range_not_satisfiable(total=7),
    "in parts": act.multipart_range(),
}


@pytest.mark.parametrize("name", BAD_RANGES)
def test_a_bad_range_is_not_believed(bench, name):
    """The blob comes whole instead, and right."""
    layer, rules = play(bench, *CUT, BAD_RANGES[name])
    assert_done(bench.pack("app:1"))
    assert all(rule.fired == 1 for rule in rules)
    assert ranges(bench, layer)[1] == f"bytes={SIZE // 2}-"
    assert_packed(bench, bench.images)


FETCHED_AGAIN = {
    "wrong bytes": act.wrong_bytes(),
    "wrong first byte": act.wrong_bytes(at=0),
    "shorter": act.wrong_length(body=-5),
    "longer": act.wrong_length(body=5),
    "length too small": act.wrong_length(header=-5),
    "endless": act.endless(),
    "endless, until it closes": act.endless(chunked=False),
    "encoded": act.gzip_encoded(),
}


@pytest.mark.parametrize("name", FETCHED_AGAIN)
def test_wrong_content_is_fetched_once_more(bench, name):
    layer, rules = play(bench, FETCHED_AGAIN[name])
    assert_done(bench.pack("app:1"))
    assert rules[0].fired == 1
    assert len(requests_for(bench, layer)) in (2, 3)
    assert_packed(bench, bench.images)


FATAL = {
    # name: (fault, words of the message, most requests for the layer)
    "wrong bytes": (act.wrong_bytes(), ["its content is sha256:"], 2),
    "shorter": (act.wrong_length(body=-5), ["bytes instead of"], 2),
    "longer": (act.wrong_length(body=5), ["more than the", "bytes it should have"], 2),
    "length too small": (act.wrong_length(header=-5), ["bytes instead of"], 4),
    "two lengths": (act.two_lengths(), ["{host}", "two different lengths"], 1),
    "encoded": (act.gzip_encoded(), ["more than the", "bytes it should have"], 2),
    "endless": (act.endless(), ["more than the", "bytes it should have"], 2),
    "endless, until it closes": (act.endless(chunked=False), ["more than the"], 2),
    "endless headers": (act.endless_headers(), ["{host}", "more than 128 header lines"], 1),
    "endless header": (act.endless_headers(one_line=True), ["{host}", "header"], 1),
    "endless 100 Continue": (act.endless_interim(), ["{host}", "interim answers"], 1),
    "web page": (act.html_200(), ["{host} is not a registry", "text/html"], 1),
    "403": (act.status(403), ["{host}", "not found, or private"], 1),
    "404": (act.status(404), ["{host} does not have it"], 1),
    "unasked range": (act.status(206, body=b"x"), ["{host} sent another range"], 1),
    "304": (act.status(304), ["{host} answered 304"], 1),
    "599": (act.status(599), ["{host} answered 599"], 1),
    "503": (act.status(503), ["{host} answered 503"], 3),
    "cut": (act.cut(after=1000), ["{host}", "the connection broke after 1.0 KiB"], 3),
    # libcurl itself tries a kept connection that turns out closed once more.
    "cut before an answer": (act.cut(after=None), ["{host}", "without an answer"], 4),
}


@pytest.mark.parametrize("name", FATAL)
def test_what_never_comes_right_fails(bench, name):
    action, words, most = FATAL[name]
    layer, rules = play(bench, action, times=None)
    done = bench.pack("app:1")
    assert rules[0].fired
    assert done.seconds < 15, told(done)
    assert_failed(bench, done, bench.name("app:1"), "blob " + layer.digest, *bench.words(words))
    assert len(requests_for(bench, layer)) <= most


@pytest.mark.parametrize("delta, words", [(1, "bytes instead of"), (-1, "more than the")])
def test_a_layer_of_another_size_than_said(bench, delta, words):
    layer = bench.add(layers=[SIZE], size_lies={"layer": delta}).layers[0]
    done = bench.pack("app:1")
    assert_failed(bench, done, bench.name("app:1"), "blob " + layer.digest, words)


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
