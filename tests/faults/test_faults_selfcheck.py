"""Proves that the good path is a registry and that every fault fires.

A fault that does not fire makes the test that relies on it worthless, so each
is looked at here from the client's side, with nothing between it and the wire.
"""

import base64
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

import faulty_actions as act
from faulty import FaultyRegistry, parse_fault
from faulty_images import (DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, SCHEMA1,
                           SCHEMA1_SIGNED, platform_fields)

ACCEPT = ", ".join([OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST])
BROKEN = (ConnectionError, http.client.HTTPException)
needs_skopeo = pytest.mark.skipif(not shutil.which("skopeo"), reason="no skopeo")


class Reply:
    """A response, read to its end or to where it broke."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.broken = None
        try:
            self.body = response.read()
        except http.client.IncompleteRead as reason:
            self.body, self.broken = reason.partial, reason
        except ConnectionError as reason:
            self.body, self.broken = b"", reason

    def json(self):
        return json.loads(self.body)


def ask(server, path, method="GET", body=None, url=None, timeout=10, **headers):
    """One request on a fresh connection."""
    connection = http.client.HTTPConnection(urlsplit(url or server.url).netloc, timeout=timeout)
    try:
        fields = {"Accept": ACCEPT, **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, path, body, fields)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def raw(server, path, limit=1 << 30, timeout=10):
    """All bytes of an answer as they are on the wire, and how it ended."""
    got = bytearray()
    with socket.create_connection(("127.0.0.1", server.port), timeout) as conn:
        conn.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {ACCEPT}\r\n"
                     "Connection: close\r\n\r\n".encode())
        try:
            while len(got) < limit:
                data = conn.recv(1 << 16)
                if not data:
                    return bytes(got), "fin"
                got += data
        except ConnectionResetError:
            return bytes(got), "rst"
    return bytes(got), "more"


def body_of(wire):
    return wire.partition(b"\r\n\r\n")[2]


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def upload(server, data, digest=None, repo="up"):
    """POST and PUT; the final reply."""
    begun = ask(server, f"/v2/{repo}/blobs/uploads/", "POST", b"")
    assert begun.status == 202
    return finish(server, begun.headers["Location"], data, digest)


def finish(server, location, data, digest=None):
    url = urlsplit(location)
    path = f"{url.path}?{url.query}&digest={digest or sha256(data)}"
    return ask(server, path, "PUT", data, location if url.netloc else None)


def skopeo(*args):
    return subprocess.run(["skopeo", *args], check=True, capture_output=True, timeout=30).stdout


@pytest.fixture
def server():
    with FaultyRegistry(seed="selfcheck") as running:
        yield running


@pytest.fixture
def image(server):
    return server.add_image("app:1", layers=[200_000])


@pytest.fixture
def layer(image):
    return image.layers[0]


@pytest.fixture
def blob(layer):
    return f"/v2/app/blobs/{layer.digest}"


TAG = "/v2/app/manifests/1"


# the good path

def test_images_depend_on_the_seed_alone():
    def root(seed):
        with FaultyRegistry(seed) as server:
            return server.add_image("a:1", ["linux/amd64", "linux/arm64/v8"], [1000]).root
    assert root(1) == root(1) != root(2)


@pytest.mark.parametrize("flavour", ["oci", "docker"])
@pytest.mark.parametrize("kind", ["gzip", "tar"])
def test_documents_are_consistent(server, flavour, kind):
    image = server.add_image("app:1", ["linux/amd64", "linux/arm64/v8"], [10, 5000], flavour, kind)
    index = ask(server, TAG)
    assert index.headers["Docker-Content-Digest"] == sha256(index.body) == image.index
    assert index.headers["Content-Type"] == {"oci": OCI_INDEX, "docker": DOCKER_INDEX}[flavour]
    for child, (platform, parts) in zip(index.json()["manifests"], image.platforms.items()):
        assert child["platform"] == platform_fields(platform)
        manifest = ask(server, f"/v2/app/manifests/{child['digest']}")
        assert sha256(manifest.body) == child["digest"] == parts.manifest
        assert len(manifest.body) == child["size"]
        for part in [manifest.json()["config"], *manifest.json()["layers"]]:
            data = ask(server, f"/v2/app/blobs/{part['digest']}").body
            assert (sha256(data), len(data)) == (part["digest"], part["size"])


def test_accept_decides(server, image):
    assert ask(server, TAG, Accept="*/*").status == 404
    assert ask(server, TAG, Accept=DOCKER_MANIFEST).status == 404
    assert ask(server, TAG, Accept=f"text/html, {OCI_MANIFEST};q=0.5").status == 200
    server.add_image("app:2", flavour="docker")
    assert ask(server, "/v2/app/manifests/2", Accept="").status == 200


def test_ranges(server, layer, blob):
    whole = ask(server, blob).body
    part = ask(server, blob, Range="bytes=100-")
    assert (part.status, part.body) == (206, whole[100:])
    assert part.headers["Content-Range"] == f"bytes 100-{layer.size - 1}/{layer.size}"
    assert part.headers["ETag"] == f'"{layer.digest}"'
    assert ask(server, blob, Range="bytes=5-9").body == whole[5:10]
    assert ask(server, blob, Range="bytes=-3").body == whole[-3:]
    assert ask(server, blob, Range="bytes=5-", If_Range='"old"').status == 200
    beyond = ask(server, blob, Range=f"bytes={layer.size}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{layer.size}")


def test_head_has_length_and_no_body(server, layer, blob):
    head = ask(server, blob, "HEAD")
    assert (head.headers["Content-Length"], head.body) == (str(layer.size), b"")
    assert ask(server, TAG, "HEAD").headers["Docker-Content-Digest"]


def test_errors_are_in_the_format_of_the_specification(server, image):
    for path, code in [("/v2/app/manifests/none", "MANIFEST_UNKNOWN"),
                       (f"/v2/app/blobs/{act.WRONG_DIGEST}", "BLOB_UNKNOWN"),
                       (f"/v2/other/blobs/{image.config}", "BLOB_UNKNOWN"),
                       ("/v2/none/tags/list", "NAME_UNKNOWN")]:
        reply = ask(server, path)
        assert (reply.status, reply.json()["errors"][0]["code"]) == (404, code)


def test_connections_are_kept_alive(server, blob):
    connection = http.client.HTTPConnection(server.host, timeout=10)
    for _ in range(3):
        connection.request("GET", blob)
        assert connection.getresponse().read()
    connection.close()


@needs_skopeo
def test_skopeo_inspects(server):
    image = server.add_image("app:1", ["linux/amd64", "linux/arm64/v8"])
    seen = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{server.host}/app:1"))
    assert seen["Digest"] == image.index
    assert seen["Layers"] == [layer.digest for layer in image.layers]


@needs_skopeo
@pytest.mark.parametrize("flavour", ["oci", "docker"])
def test_skopeo_copies_from_and_to(server, flavour):
    image = server.add_image("team/app:1", ["linux/amd64", "linux/arm64/v8"], [1000, 300_000],
                             flavour)
    skopeo("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false",
           f"docker://{server.host}/team/app:1", f"docker://{server.host}/copy:2")
    copied = ask(server, "/v2/copy/manifests/2")
    assert copied.headers["Docker-Content-Digest"] == image.index
    for digest in image.platforms["linux/arm64/v8"].blobs():
        assert ask(server, f"/v2/copy/blobs/{digest}", "HEAD").status == 200


@needs_skopeo
def test_skopeo_logs_in_for_a_token(server, image, tmp_path):
    server.require_bearer(user="u", password="p:w")
    skopeo("copy", "--src-creds=u:p:w", "--src-tls-verify=false",
           f"docker://{server.host}/app:1", f"oci:{tmp_path}/out:1")
    assert server.count("GET token") >= 1
    with pytest.raises(subprocess.CalledProcessError):
        skopeo("inspect", "--tls-verify=false", f"docker://{server.host}/app:1")


# the record

def test_requests_are_recorded(server, layer, blob):
    ask(server, blob, X_Test="yes")
    ask(server, TAG, "HEAD")
    record = server.requests[0]
    assert (record.listener, record.method, record.path) == ("registry", "GET", blob)
    assert (record.status, record.sent, record.headers["x-test"]) == (200, layer.size, "yes")
    assert server.count() == 2 and server.count("GET blob") == server.count("* blob") == 1
    assert server.count("blob", digest=layer.digest) == server.count("HEAD manifest tag") == 1
    assert server.bytes_sent("GET blob") == layer.size and server.count("manifest digest") == 0
    assert server.count(lambda record: "x-test" in record.headers) == 1


def test_rules_choose_requests(server, image, layer, blob):
    rule = server.fault("GET blob", act.status(500), times=2, digest=layer.digest, skip=1)
    other = server.fault("blob", act.status(502), times=None, repo="elsewhere")
    config = f"/v2/app/blobs/{image.config}"
    seen = [ask(server, path).status for path in (config, blob, blob, config, blob, blob)]
    assert seen == [200, 200, 500, 200, 500, 200]
    assert (rule.fired, other.fired) == (2, 0)
    assert [record.fault for record in server.requests].count("status 500") == 2


# connections

@pytest.mark.parametrize("how", ["rst", "fin"])
@pytest.mark.parametrize("after", [0, 1, 150_000])
def test_cut(server, blob, how, after):
    server.fault("GET blob", act.cut(after, how))
    wire, end = raw(server, blob)
    assert (len(body_of(wire)), end) == (after, how)
    assert server.bytes_sent() == after
    assert raw(server, blob)[1] == "fin" and server.bytes_sent() > 200_000


def test_cut_before_the_status_line(server, blob):
    server.fault("GET blob", act.cut(None))
    assert raw(server, blob) == (b"", "rst")


def test_cut_of_an_upload(server):
    server.fault("PUT blob", act.cut(after=100_000))
    with pytest.raises(BROKEN):
        upload(server, bytes(20_000_000))
    assert server.matching("PUT blob")[0].received == 100_000
    assert upload(server, b"x").status == 201


def test_lose_reply(server):
    server.fault("PUT blob", act.lose_reply())
    with pytest.raises(BROKEN):
        upload(server, b"data")
    assert ask(server, f"/v2/up/blobs/{sha256(b'data')}").body == b"data"


@pytest.mark.parametrize("after", [None, 0, 1000])
def test_stall(server, layer, blob, after):
    server.fault("GET blob", act.stall(after, 0.5))
    with pytest.raises(TimeoutError):
        ask(server, blob, timeout=0.2)
    server.fault("GET blob", act.stall(after, 0.2))
    begun = time.monotonic()
    assert len(ask(server, blob).body) == layer.size
    assert time.monotonic() - begun >= 0.2


def test_a_stall_does_not_outlive_the_test(layer):
    begun = time.monotonic()
    with FaultyRegistry() as server:
        server.add_image("app:1")
        server.fault("manifest", act.stall(0, 60))
        with pytest.raises(TimeoutError):
            ask(server, TAG, timeout=0.1)
    assert time.monotonic() - begun < 5


def test_trickle(server, image):
    server.fault("GET manifest tag", act.trickle(100, 0.05))
    begun = time.monotonic()
    assert sha256(ask(server, TAG).body) == image.root
    assert time.monotonic() - begun >= 0.1


def test_die(server, blob):
    idle = http.client.HTTPConnection(server.host, timeout=10)
    idle.request("GET", "/v2/")
    idle.getresponse().read()
    server.die()
    with pytest.raises(BROKEN):
        idle.request("GET", "/v2/")
        idle.getresponse()
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        ask(server, blob)
    server.revive()
    assert ask(server, blob).status == 200


def test_die_after_blob_bytes(server, layer, blob):
    server.die_when(blob_bytes=layer.size + 70_000)
    assert ask(server, TAG).status == 200
    assert len(raw(server, blob)[0]) > layer.size
    wire, end = raw(server, blob)
    assert (len(body_of(wire)), end) == (70_000, "rst")
    assert server.bytes_sent("GET blob") == layer.size + 70_000
    with pytest.raises(ConnectionRefusedError):
        ask(server, TAG)


def test_die_at_request(server, blob):
    server.die_when(requests=3)
    assert ask(server, TAG).status == ask(server, blob).status == 200
    with pytest.raises(BROKEN):
        ask(server, blob)
    with pytest.raises(ConnectionRefusedError):
        ask(server, blob)


def test_die_as_a_fault(server, blob):
    server.fault("GET blob", act.die())
    with pytest.raises(BROKEN):
        ask(server, blob)
    with pytest.raises(ConnectionRefusedError):
        ask(server, blob)


# framing

@pytest.mark.parametrize("delta", [-10, 10])
def test_wrong_length_in_the_header(server, layer, blob, delta):
    server.fault("GET blob", act.wrong_length(header=delta))
    wire, end = raw(server, blob)
    assert f"Content-Length: {layer.size + delta}\r\n".encode() in wire
    assert (len(body_of(wire)), end) == (layer.size, "fin")


@pytest.mark.parametrize("delta", [-10, 10])
def test_wrong_length_of_the_body(server, layer, blob, delta):
    server.fault("GET blob", act.wrong_length(body=delta))
    reply = ask(server, blob)
    assert len(reply.body) == int(reply.headers["Content-Length"]) == layer.size + delta


def test_two_lengths(server, layer, blob):
    server.fault("GET blob", act.two_lengths(5))
    lengths = ask(server, blob).headers.get_all("Content-Length")
    assert lengths == [str(layer.size), str(layer.size + 5)]


@pytest.mark.parametrize("how", ["chunked", "close", "both"])
def test_unframed(server, layer, blob, how):
    server.fault("GET blob", act.unframed(how))
    reply = ask(server, blob)
    assert sha256(reply.body) == layer.digest
    assert ("Content-Length" in reply.headers) == (how == "both")
    assert ("Transfer-Encoding" in reply.headers) == (how != "close")


@pytest.mark.parametrize("chunked", [True, False])
def test_endless(server, blob, chunked):
    server.fault("GET blob", act.endless(chunked))
    wire, end = raw(server, blob, limit=20_000_000)
    assert end == "more" and b"Content-Length" not in wire
    assert server.bytes_sent() > 19_000_000


@pytest.mark.parametrize("action", [act.endless_headers(), act.endless_headers(True),
                                    act.endless_interim()])
def test_endless_head(server, blob, action):
    server.fault("GET blob", action)
    wire, end = raw(server, blob, limit=2_000_000)
    assert end == "more" and wire.startswith(b"HTTP/1.1 ")
    assert (b"\r\n\r\n" in wire) == (action.name == "endless_interim")


# statuses and headers

@pytest.mark.parametrize("after", ["0", "-1", "315360000", "soon", act.http_date(60), None])
def test_too_many(server, image, after):
    server.fault("GET manifest", act.too_many(after))
    reply = ask(server, TAG)
    assert (reply.status, reply.headers["Retry-After"]) == (429, after)
    assert reply.json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert ask(server, TAG).status == 200


def test_status(server, image):
    server.fault("ping", act.status(503, {"X-A": "b"}, b"sorry"), times=None)
    for _ in range(3):
        reply = ask(server, "/v2/")
        assert (reply.status, reply.headers["X-A"], reply.body) == (503, "b", b"sorry")


def test_status_before_the_body_is_read(server):
    server.fault("PUT blob", act.status(413, early=True))
    try:
        assert upload(server, bytes(20_000_000)).status == 413
    except BROKEN:
        pass    # writing may fail before the answer is looked at
    record = server.matching("PUT blob")[0]
    assert (record.status, record.received) == (413, 0)


def test_wrong_headers(server, image):
    server.fault("manifest", act.wrong_digest_header())
    server.fault("manifest", act.wrong_digest_header(None))
    server.fault("manifest", act.wrong_content_type())
    server.fault("manifest", act.set_header("Content-Encoding", "gzip"))
    replies = [ask(server, TAG) for _ in range(4)]
    assert replies[0].headers["Docker-Content-Digest"] == act.WRONG_DIGEST
    assert "Docker-Content-Digest" not in replies[1].headers
    assert replies[2].headers["Content-Type"] == "application/octet-stream"
    assert replies[3].headers["Content-Encoding"] == "gzip"
    assert all(sha256(reply.body) == image.root for reply in replies)


def test_html_200(server):
    server.fault("", act.html_200(), times=None)
    for path in ("/v2/", TAG, "/v2/app/blobs/sha256:00"):
        reply = ask(server, path)
        assert (reply.status, reply.body) == (200, act.PORTAL)
        assert reply.headers["Content-Type"].startswith("text/html")


# content

def test_wrong_bytes(server, layer, blob):
    server.fault("GET blob", act.wrong_bytes())
    server.fault("GET blob", act.wrong_bytes(at=-1))
    good = layer.data
    bad, last = ask(server, blob).body, ask(server, blob).body
    assert len(bad) == len(last) == len(good)
    assert sum(a != b for a, b in zip(bad, good)) == 1
    assert last[:-1] == good[:-1] and last[-1] != good[-1]


def test_gzip_encoded(server, layer, blob):
    server.fault("GET blob", act.gzip_encoded(honest=False))
    server.fault("GET blob", act.gzip_encoded())
    lie, truth = ask(server, blob), ask(server, blob)
    assert lie.headers["Content-Encoding"] == truth.headers["Content-Encoding"] == "gzip"
    assert sha256(lie.body) == layer.digest != sha256(truth.body)


# ranges

def test_range_faults_wait_for_a_range(server, blob):
    rule = server.fault("GET blob", act.ignore_range())
    assert ask(server, blob).status == 200 and rule.fired == 0
    assert ask(server, blob, Range="bytes=9-").status == 200 and rule.fired == 1
    assert ask(server, blob, Range="bytes=9-").status == 206


def test_ignore_range(server, layer, blob):
    server.fault("GET blob", act.ignore_range())
    reply = ask(server, blob, Range="bytes=9-")
    assert sha256(reply.body) == layer.digest and "Content-Range" not in reply.headers


def test_wrong_range(server, layer, blob):
    size = layer.size
    for action, value in [
            (act.wrong_range(start=2), f"bytes 11-{size + 1}/{size}"),
            (act.wrong_range(start=2, body=True), f"bytes 11-{size - 1}/{size}"),
            (act.wrong_range(start=-9, body=True), f"bytes 0-{size - 1}/{size}"),
            (act.wrong_range(total=7), f"bytes 9-{size - 1}/{size + 7}")]:
        server.fault("GET blob", action)
        reply = ask(server, blob, Range="bytes=9-")
        assert (reply.status, reply.headers["Content-Range"]) == (206, value)
        assert int(reply.headers["Content-Length"]) == len(reply.body)


def test_range_not_satisfiable(server, layer, blob):
    server.fault("GET blob", act.range_not_satisfiable())
    server.fault("GET blob", act.range_not_satisfiable(total=5))
    for total in (layer.size, 5):
        reply = ask(server, blob, Range="bytes=9-")
        assert (reply.status, reply.headers["Content-Range"]) == (416, f"bytes */{total}")


def test_multipart_range(server, blob):
    server.fault("GET blob", act.multipart_range())
    reply = ask(server, blob, Range="bytes=9-")
    assert reply.status == 206 and reply.body.startswith(b"--X\r\nContent-Range: bytes 9-")
    assert reply.headers["Content-Type"].startswith("multipart/byteranges")


# redirects

def test_redirect_to_the_second_origin(server, layer, blob):
    server.fault("GET blob", act.redirect("{second}{path}"), times=2)
    target = ask(server, blob)
    assert (target.status, target.headers["Location"]) == (307, server.second_origin.url + blob)
    assert sha256(ask(server, blob, url=target.headers["Location"]).body) == layer.digest
    assert server.authorization_seen() == []
    leaked = ask(server, blob, url=target.headers["Location"], Authorization="Bearer x")
    assert leaked.status == 400 and server.authorization_seen("second") == ["Bearer x"]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://169.254.169.254/", None,
                                      "//user:pw@host/#f"])
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect_anywhere(server, blob, location, code):
    server.fault("GET blob", act.redirect(location, code))
    reply = ask(server, blob)
    assert (reply.status, reply.headers["Location"]) == (code, location)


def test_redirect_in_circles(server, blob):
    server.fault("GET blob", act.redirect("{path}"), times=3)
    seen = [ask(server, blob) for _ in range(4)]
    assert [reply.headers["Location"] for reply in seen] == [blob, blob, blob, None]
    assert seen[-1].status == 200


# manifests

@pytest.mark.parametrize("first", ["HEAD", "GET"])
def test_moving_tag(server, image, first):
    other = server.add_image("app:2", layers=[7])
    rule = server.fault("manifest tag", act.moving_tag(other))
    assert ask(server, TAG, first).headers["Docker-Content-Digest"] == image.root
    for _ in range(2):
        assert ask(server, TAG).headers["Docker-Content-Digest"] == other.root
    assert rule.fired == 1
    assert ask(server, f"/v2/app/manifests/{image.root}").status == 200


@pytest.mark.parametrize("signed, media_type", [(True, SCHEMA1_SIGNED), (False, SCHEMA1)])
def test_schema1(server, image, signed, media_type):
    server.fault("GET manifest tag", act.schema1(signed))
    reply = ask(server, TAG)
    assert reply.headers["Content-Type"] == media_type and reply.json()["schemaVersion"] == 1


def test_both_fields(server, image):
    server.fault("GET manifest tag", act.both_fields())
    reply = ask(server, TAG)
    assert {"layers", "manifests", "config"} <= reply.json().keys()
    assert reply.headers["Docker-Content-Digest"] == sha256(reply.body)


@pytest.mark.parametrize("chunked", [True, False])
def test_huge_manifest(server, image, chunked):
    server.fault("GET manifest tag", act.huge_manifest(30 << 20, chunked))
    reply = ask(server, TAG)
    assert len(reply.body) == 30 << 20 and reply.json()["layers"]
    assert ("Content-Length" in reply.headers) != chunked


def test_huge_manifest_may_be_left(server, image):
    server.fault("GET manifest tag", act.huge_manifest())
    wire, end = raw(server, TAG, limit=1_000_000)
    assert end == "more" and b"Content-Length: 104857600\r\n" in wire


def test_crowded_index(server, image):
    server.fault("GET manifest tag", act.crowded_index(1000))
    assert len(ask(server, TAG).json()["manifests"]) == 1000


def test_index_with_a_lost_child(server):
    image = server.add_image("app:1", index=True)
    server.forget(image.manifest)
    assert ask(server, TAG).json()["manifests"][0]["digest"] == image.manifest
    assert ask(server, f"/v2/app/manifests/{image.manifest}").status == 404


def test_descriptors_that_lie_about_sizes(server):
    image = server.add_image("app:1", index=True,
                             size_lies={"config": 9, "layer": -1, "manifest": 5})
    child = ask(server, TAG).json()["manifests"][0]
    reply = ask(server, f"/v2/app/manifests/{image.manifest}")
    assert child["size"] == len(reply.body) + 5
    assert reply.json()["layers"][0]["size"] == image.layers[0].size - 1
    config = ask(server, f"/v2/app/blobs/{image.config}").body
    assert reply.json()["config"]["size"] == len(config) + 9


def test_index_that_lies_about_a_platform(server):
    image = server.add_image("app:1", index=True, config_platform={"linux/amd64": "linux/arm64"})
    assert ask(server, TAG).json()["manifests"][0]["platform"]["architecture"] == "amd64"
    assert ask(server, f"/v2/app/blobs/{image.config}").json()["architecture"] == "arm64"


def test_attestations_and_shared_layers(server, image):
    other = server.add_image("app:2", layers=[image.layers[0], 10], attestations=True)
    children = ask(server, "/v2/app/manifests/2").json()["manifests"]
    assert [child["platform"]["os"] for child in children] == ["linux", "unknown"]
    assert other.layers[0] is image.layers[0]


def test_any_bytes_as_a_manifest(server):
    digest = server.add_manifest("bad:1", OCI_MANIFEST, b"{]")
    reply = ask(server, "/v2/bad/manifests/1")
    assert (reply.body, reply.headers["Docker-Content-Digest"]) == (b"{]", digest)


# pushes

def test_push_in_pieces_and_mount(server):
    begun = ask(server, "/v2/up/blobs/uploads/", "POST", b"")
    url = urlsplit(begun.headers["Location"])
    assert "%3D%3D" in url.query
    patched = ask(server, f"{url.path}?{url.query}", "PATCH", iter([b"ab", b"cd"]))
    assert (patched.status, patched.headers["Range"]) == (202, "0-3")
    done = finish(server, patched.headers["Location"], b"ef", sha256(b"abcdef"))
    assert (done.status, done.headers["Docker-Content-Digest"]) == (201, sha256(b"abcdef"))
    mount = f"/v2/to/blobs/uploads/?mount={sha256(b'abcdef')}&from="
    assert ask(server, mount + "nobody", "POST", b"").status == 202
    assert ask(server, mount + "up", "POST", b"").status == 201
    assert ask(server, f"/v2/to/blobs/{sha256(b'abcdef')}").body == b"abcdef"


def test_push_is_checked(server, image):
    assert upload(server, b"x", act.WRONG_DIGEST).status == 400
    mangled = ask(server, "/v2/up/blobs/uploads/", "POST", b"").headers["Location"].split("?")[0]
    assert finish(server, mangled + "?_state=x", b"y").status == 404
    good = ask(server, TAG).body
    for path, media_type, data, code in [
            ("/v2/new/manifests/1", OCI_MANIFEST, good, "MANIFEST_BLOB_UNKNOWN"),
            (TAG, DOCKER_MANIFEST, good, "MANIFEST_INVALID"),
            (TAG, OCI_MANIFEST, good[:-1] + b',"manifests":[]}', "MANIFEST_INVALID"),
            (f"/v2/app/manifests/{act.WRONG_DIGEST}", OCI_MANIFEST, good, "DIGEST_INVALID")]:
        reply = ask(server, path, "PUT", data, Content_Type=media_type)
        assert (reply.status, reply.json()["errors"][0]["code"]) == (400, code)
    assert ask(server, "/v2/app/manifests/2", "PUT", good, Content_Type=OCI_MANIFEST).status == 201


def test_relative_locations(server):
    server.routes.relative_locations = True
    assert ask(server, "/v2/up/blobs/uploads/", "POST", b"").headers["Location"][0] == "/"
    assert upload(server, b"x").status == 201


def test_stored_digest_differs(server):
    server.fault("PUT blob", act.stored_digest_differs())
    reply = upload(server, b"data")
    assert (reply.status, reply.headers["Docker-Content-Digest"]) == (201, act.WRONG_DIGEST)
    assert reply.headers["Location"].endswith(act.WRONG_DIGEST)


def test_forget_upload(server):
    server.fault("PUT blob", act.forget_upload())
    assert upload(server, b"data").json()["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"
    assert upload(server, b"data").status == 201


def test_forget_upload_in_the_middle(server):
    server.fault("PATCH upload", act.forget_upload(), skip=1)
    begun = ask(server, "/v2/up/blobs/uploads/", "POST", b"").headers["Location"]
    path = begun.removeprefix(server.url)
    assert [ask(server, path, "PATCH", b"ab").status for _ in range(3)] == [202, 404, 404]


def test_upload_location_other_origin(server):
    server.fault("POST upload", act.upload_location_other_origin())
    begun = ask(server, "/v2/up/blobs/uploads/", "POST", b"").headers["Location"]
    assert begun.startswith(server.second_origin.url)
    assert finish(server, begun, b"data").status == 201
    assert server.count("PUT blob", listener="second") == 1


def test_a_pushed_blob_may_appear_late(server):
    server.fault("HEAD blob", act.status(404), times=2)
    upload(server, b"data")
    path = f"/v2/up/blobs/{sha256(b'data')}"
    assert [ask(server, path, "HEAD").status for _ in range(3)] == [404, 404, 200]


# authentication

def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def token(server, scope="repository:app:pull", key="token", **headers):
    reply = ask(server, f"/token?service=faulty&scope={scope}", url=server.token_origin.url,
                **headers)
    assert reply.status == 200
    return "Bearer " + reply.json()[key]


def test_basic(server, image):
    server.require_basic("u", "p:w")
    refused = ask(server, TAG)
    assert (refused.status, refused.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    assert ask(server, TAG, Authorization=basic("u", "no")).status == 401
    assert ask(server, TAG, Authorization=basic("u", "p:w")).status == 200
    assert server.authorization_seen("registry")[-1] == basic("u", "p:w")


def test_bearer(server, image):
    server.require_bearer(user="u", password="p", key="access_token")
    challenge = ask(server, TAG).headers["WWW-Authenticate"]
    assert f'realm="{server.token_origin.url}/token"' in challenge
    assert 'scope="repository:app:pull"' in challenge
    assert ask(server, "/token", url=server.token_origin.url).status == 401
    good = token(server, key="access_token", Authorization=basic("u", "p"))
    assert ask(server, TAG, Authorization=good).status == 200
    assert ask(server, "/v2/other/tags/list", Authorization=good).status == 401
    assert ask(server, "/v2/app/blobs/uploads/", "POST", Authorization=good).status == 401
    assert server.authorization_seen("token") == [basic("u", "p")]


def test_bearer_by_post(server, image):
    server.require_bearer(identity_token="refresh")
    form = b"grant_type=refresh_token&refresh_token=refresh&scope=repository:app:pull"
    reply = ask(server, "/token", "POST", form, server.token_origin.url)
    assert ask(server, TAG, Authorization="Bearer " + reply.json()["token"]).status == 200
    wrong = form.replace(b"=refresh&", b"=other&")
    assert ask(server, "/token", "POST", wrong, server.token_origin.url).status == 401


def test_tokens_end(server, image):
    server.require_bearer(expires_in=300, valid_for=0)
    assert ask(server, TAG, Authorization=token(server)).status == 401
    server.require_bearer(expires_in=300)
    good = token(server)
    assert ask(server, TAG, Authorization=good).status == 200
    server.revoke_tokens()
    assert ask(server, TAG, Authorization=good).status == 401


def test_realm_elsewhere(server, image):
    server.require_bearer(realm="file:///etc/passwd")
    assert 'realm="file:///etc/passwd"' in ask(server, TAG).headers["WWW-Authenticate"]


def test_unauthorized_for_ever(server, image):
    server.require_bearer()
    good = token(server)
    server.fault("manifest", act.unauthorized(), times=None)
    server.fault("blob", act.unauthorized('Negotiate, Basic realm="a, b"'), before_auth=True)
    for _ in range(3):
        assert ask(server, TAG, Authorization=good).status == 401
    challenge = ask(server, f"/v2/app/blobs/{image.config}").headers["WWW-Authenticate"]
    assert challenge == 'Negotiate, Basic realm="a, b"'


def test_faults_wait_for_credentials(server, image):
    server.require_basic("u", "p")
    rule = server.fault("GET manifest", act.status(500))
    early = server.fault("ping", act.status(500), before_auth=True)
    assert [ask(server, path).status for path in (TAG, "/v2/")] == [401, 500]
    assert (rule.fired, early.fired) == (0, 1)
    assert ask(server, TAG, Authorization=basic("u", "p")).status == 500


def test_token_endpoint_may_fail(server, image):
    server.require_bearer()
    server.fault("GET token", act.status(200, {"Content-Type": "application/json"},
                                         b'{"token":"a\\r\\nb","expires_in":-1}'))
    reply = ask(server, "/token", url=server.token_origin.url)
    assert reply.json()["expires_in"] == -1 and server.count("token") == 1


# stand-alone

def test_faults_on_the_command_line():
    action, times = parse_fault("cut(after=5, how='fin', times=None)")
    assert (action.name, times) == ("cut", None)
    assert parse_fault("html_200")[1] == 1


def test_stand_alone(tmp_path):
    ports = tmp_path / "ports"
    script = os.path.join(os.path.dirname(__file__), "faulty.py")
    with subprocess.Popen([sys.executable, script, "--port-file", str(ports), "--image", "app:1",
                           "--fault", "GET manifest", "status(503)"],
                          stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for(ports)
            main, _second, _token = (int(port) for port in ports.read_text().split())
            url = f"http://127.0.0.1:{main}"
            assert [ask(None, TAG, url=url).status for _ in range(2)] == [503, 200]
            assert "/app:1 sha256:" in process.stdout.readline()
        finally:
            process.terminate()


def wait_for(path, patience=10):
    end = time.monotonic() + patience
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
