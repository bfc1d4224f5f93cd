"""HTTP/2 where it is offered: nginx before a registry, and what may break in it."""

import faulty_actions as act
import frames
import pytest
from faulty import FaultyRegistry
from job import tags_of
from nginx import Nginx, pass_to, serve_blobs
from peers import Registry, server_certificate

SIZE = 3_000_000


@pytest.fixture(scope="module", name="certificate")
def certificate_fixture(tmp_path_factory):
    return server_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(name="faulty")
def faulty_fixture():
    with FaultyRegistry(seed="http2") as server:
        server.image = server.add_image("app:1", layers=[SIZE])
        yield server


@pytest.fixture(name="front")
def front_fixture(faulty, certificate):
    """HTTP/2 before the faulty registry."""
    with Nginx(pass_to(faulty.url, "proxy_buffering off; proxy_next_upstream off;"),
               tls=certificate, http2=True) as nginx:
        yield nginx


@pytest.fixture(name="pack")
def pack_fixture(ferry, tmp_path, certificate):
    """pack(address) -> done, of app:1 there."""
    def pack(address, *options):
        return ferry("pack", f"{address}/app:1", "-o", tmp_path / "b", "--ca",
                     certificate.authority, *options, env={"HOME": tmp_path})
    return pack


def layer_requests(faulty):
    return faulty.matching("GET blob", digest=faulty.image.layers[0].digest)


def test_it_is_spoken_where_it_is_offered(source, certificate, ferry, tmp_path):
    """The same bytes in the same number of requests as without it."""
    seen = {}
    for http2 in (True, False):
        with Nginx(serve_blobs(source.registry.storage_dir) + pass_to(source.registry.url),
                   tls=certificate, http2=http2) as nginx:
            done = ferry("pack", f"{nginx.address}/trap/small:1", "-o", tmp_path / f"b{http2}",
                         "--ca", certificate.authority)
            assert done.returncode == 0, done.stderr
            requests = [request for request in nginx.requests() if request.status == 200]
            assert {request.protocol for request in requests} == \
                {"HTTP/2.0" if http2 else "HTTP/1.1"}
            seen[http2] = sorted((request.path, request.bytes) for request in requests)
    assert seen[True] == seen[False]


def test_uploads_go_on_as_before(small_bundle, certificate, ferry):
    """Over HTTP/1.1, which libcurl sends bodies by in less time."""
    with Registry() as registry, \
            Nginx(pass_to(registry.url), tls=certificate, http2=True) as nginx:
        done = ferry("load", small_bundle, "--to", nginx.address, "--ca", certificate.authority)
        assert done.returncode == 0, done.stderr
        assert tags_of(registry) == ["trap/small:1", "trap/small:2"]
        assert {request.protocol for request in nginx.requests()} == {"HTTP/1.1"}


def test_a_stream_that_is_reset_goes_on_where_it_was(faulty, front, pack):
    """What nginx makes of an upstream that breaks."""
    faulty.fault("GET blob", act.cut(after=SIZE // 2), digest=faulty.image.layers[0].digest)
    done = pack(front.address)
    assert done.returncode == 0, done.stderr
    assert "the connection broke after " in done.stderr, done.stderr
    first, second = layer_requests(faulty)
    start = int(second.headers["range"][len("bytes="):-1])
    assert 0 < start <= SIZE // 2
    assert {request.protocol for request in front.requests() if "blobs" in request.path} == \
        {"HTTP/2.0"}


BREAKS = {
    "GOAWAY": frames.goaway(frames.INTERNAL_ERROR),
    "GOAWAY, nothing was taken": frames.goaway(frames.NO_ERROR, last=0),
    "GOAWAY without an error": frames.goaway(frames.NO_ERROR),
    "RST_STREAM": frames.reset(frames.INTERNAL_ERROR),
    "RST_STREAM without an error": frames.reset(frames.NO_ERROR),
    "half a frame": frames.cut,
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_goes_on_where_it_was(faulty, front, pack, certificate, name):
    with frames.FrameRelay(front.port, certificate, SIZE // 3, BREAKS[name]) as relay:
        done = pack(relay.address)
    assert done.returncode == 0, done.stderr
    requests = layer_requests(faulty)
    start = int(requests[-1].headers["range"][len("bytes="):-1])
    assert 2 <= len(requests) <= 3 and 0 < start < SIZE // 2
    assert "trying again at once (1 of 5)" in done.stderr or "in 0." in done.stderr, done.stderr


def test_what_breaks_for_ever_fails(faulty, front, pack, certificate, tmp_path):
    action = frames.goaway(frames.INTERNAL_ERROR)
    with frames.FrameRelay(front.port, certificate, 1, action, times=100) as relay:
        done = pack(relay.address, "--retries", 1)
    assert done.returncode == 1
    assert f"{relay.address}: the connection broke" in done.stderr
    assert not (tmp_path / "b").exists()
