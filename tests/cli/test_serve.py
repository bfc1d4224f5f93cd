"""ferry serve by itself: what it answers, to whom, and what it never does.

The bundles are written without a line of ferry's (tests/support/bundles.py), the requests as
bytes on a socket.
"""

import base64
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from bundles import (attestation, digest_of, gzip_layer, image, nested, noise, plain_layer, write)
from ferry import run
from mishaps import is_sanitized
from serving import Answer, Server, read_all, request

ONE, TWO = gzip_layer("one", 300_000), gzip_layer("two", 70_000)
PLAIN = plain_layer("plain", 17_500_000)        # three frames
EMPTY = digest_of(b"")
APP = image("docker.io/library/app:1", [ONE, TWO])
OTHER = image("docker.io/library/app:v2.0", [TWO])
WEB = image("quay.io/team/web:2", [TWO, PLAIN])
BOTH = "docker.io/org/both:1"
CHILDREN = [image(BOTH, [ONE]), image(BOTH, [TWO], "linux/arm64")]
NESTED = nested([*CHILDREN, attestation(BOTH, CHILDREN[0])])
PINNED = image(f"docker.io/library/pinned@{image('x.io/x:1', [ONE]).digest}", [ONE])
IMAGES = [APP, OTHER, WEB, *NESTED, PINNED]
BUNDLE = write(IMAGES)
BLOBS = {digest_of(data): data for data in [
    *(layer.data for layer in (ONE, TWO, PLAIN)), *(each.config for each in IMAGES)]}


@pytest.fixture(scope="module", name="path")
def path_fixture(tmp_path_factory):
    path = tmp_path_factory.mktemp("serve") / "b.tar.zst"
    path.write_bytes(BUNDLE.data)
    return path


@pytest.fixture(scope="module", name="server")
def server_fixture(path):
    with Server(path) as server:
        yield server


def blob(digest, name="app"):
    return f"/v2/{name}/blobs/{digest}"


def damaged(bundle, digest, at=0.5):
    """The bundle's bytes with one flipped in the blob's place."""
    begin, end = next((b, e) for name, b, e in bundle.regions if name == digest)
    data = bytearray(bundle.data)
    data[begin + int((end - begin) * at)] ^= 1
    return bytes(data)


# What is printed

def test_start_is_a_table_and_the_address(path):
    command = ["env", "--default-signal=INT", os.environ.get("FERRY", "build/default/ferry"),
               "serve", path, "--listen", "localhost:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as child:
        lines = []
        while not lines or not lines[-1].startswith("serving"):
            lines.append(child.stdout.readline())
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=20) == ("", "")
        assert child.returncode == 0
    assert re.fullmatch(r"IMAGE +PLATFORM +DIGEST +SIZE\n", lines[0])
    names = [line.split()[0] for line in lines[1:-1]]
    assert names == ["app:1", "app:v2.0", "org/both:1", f"pinned@{PINNED.digest}", "team/web:2"]
    assert "linux/amd64, linux/arm64" in lines[3] and NESTED[0].whole in lines[3]
    assert re.fullmatch(r"serving 5 images at http://127\.0\.0\.1:\d+/\n", lines[-1])


def test_json_is_one_document_at_the_start(server, path):
    assert server.document["tls"] is False
    rows = {row["name"]: row for row in server.document["images"]}
    row = rows["app:1"]
    assert row["reference"] == APP.name and row["bundle"] == str(path)
    assert (row["digest"], row["media_type"]) == (APP.digest, APP.media_type)
    assert row["size"] == len(APP.manifest) + len(APP.config) + len(ONE.data) + len(TWO.data)
    assert rows["org/both:1"]["platforms"] == "linux/amd64, linux/arm64"
    assert rows["org/both:1"]["digest"] == NESTED[0].whole


def test_requests_are_logged_and_escaped(path):
    with Server(path) as server:
        server.ask("/v2/app/manifests/1")
        server.ask("/v2/\x1b[31m/manifests/1")
        server.ask("/v2/", "POST")
        log = server.end()
    lines = [re.sub(r"^127\.0\.0\.1:\d+ ", "", line) for line in log.splitlines()]
    assert lines == [f"GET /v2/app/manifests/1: 200, {len(APP.manifest)} B",
                     r"GET /v2/\x1b[31m/manifests/1: 400", "POST /v2/: 405"]


def test_quiet_is_quiet(path):
    with Server(path, options=["--quiet"]) as server:
        server.ask("/v2/app/manifests/1")
        assert server.end() == ""


# Names

@pytest.mark.parametrize("name, reference, each", [
    ("app", "1", APP), ("library/app", "1", APP), ("docker.io/library/app", "1", APP),
    ("app", "v2.0", OTHER), ("app", APP.digest, APP), ("library/app", OTHER.digest, OTHER),
    ("team/web", "2", WEB), ("quay.io/team/web", "2", WEB),
    ("quay.io/team/web", WEB.digest, WEB), ("pinned", PINNED.digest, PINNED)])
def test_images_answer_to_their_names(server, name, reference, each):
    got = server.ask(f"/v2/{name}/manifests/{reference}")
    assert (got.status, got.body) == (200, each.manifest)
    assert got.headers["content-type"] == each.media_type
    assert got.headers["docker-content-digest"] == each.digest
    assert got.headers["etag"] == f'"{each.digest}"'
    assert got.headers["docker-distribution-api-version"] == "registry/2.0"
    head = server.ask(f"/v2/{name}/manifests/{reference}", "HEAD")
    same = {key: value for key, value in got.headers.items() if key != "date"}
    assert (head.status, head.rest) == (200, b"")
    assert {key: value for key, value in head.headers.items() if key != "date"} == same


def test_indexes_are_served_with_their_children(server):
    for reference in ("1", NESTED[0].whole):
        got = server.ask(f"/v2/org/both/manifests/{reference}")
        assert (got.status, got.body) == (200, NESTED[0].within.data)
        assert got.headers["content-type"] == NESTED[0].within.media_type
    for child in NESTED:
        got = server.ask(f"/v2/org/both/manifests/{child.digest}")
        assert (got.status, got.body) == (200, child.manifest)
        config = server.ask(blob(child.config_digest or digest_of(child.config), "org/both"))
        assert config.body == child.config


OFFER = "application/vnd.oci.image.manifest.v1+json"


@pytest.mark.parametrize("accept, status", [
    (OFFER, 200), ("*/*", 200), ("application/*", 200), (f"text/html, {OFFER};q=0.1", 200),
    ("application/vnd.docker.distribution.manifest.v2+json", 404), (f"{OFFER};q=0, */*", 404)])
def test_accept_is_heeded_for_a_tag(server, accept, status):
    assert server.ask("/v2/app/manifests/1", Accept=accept).status == status
    if status == 404:
        got = server.ask("/v2/app/manifests/1", Accept=accept)
        assert got.code == "MANIFEST_UNKNOWN" and "Accept" in got.json["errors"][0]["message"]
    # Who names a digest knows what it is.
    assert server.ask(f"/v2/app/manifests/{APP.digest}", Accept=accept).status == 200


def test_a_list_may_come_in_several_lines(server):
    """As podman and skopeo send it."""
    lines = f"Accept: text/html\r\naccept: {OFFER}\r\nAccept: text/plain\r\n".encode()
    assert Answer.read(server.send(request("/v2/app/manifests/1")[:-2] + lines + b"\r\n")).status == 200
    lines = f'If-None-Match: "x"\r\nIf-None-Match: "{APP.digest}"\r\n'.encode()
    assert Answer.read(server.send(request("/v2/app/manifests/1")[:-2] + lines + b"\r\n")).status == 304


# Lists

def names_by_pages(server, path, key):
    """All names, following Link as the specification says; and how many pages there were."""
    names, pages = [], 0
    while path:
        got = server.ask(path)
        assert got.status == 200
        names += got.json[key]
        pages += 1
        match = re.fullmatch(r'<(/v2/.*)>; rel="next"', got.headers.get("link", ""))
        path = match and match.group(1)
    return names, pages


@pytest.mark.parametrize("query, pages", [("", 1), ("?n=4", 1), ("?n=3", 2), ("?n=1", 4)])
def test_catalog(server, query, pages):
    assert names_by_pages(server, "/v2/_catalog" + query, "repositories") == (
        ["app", "org/both", "pinned", "team/web"], pages)


def test_tags(server):
    for name in ("app", "library/app", "docker.io/library/app"):
        got = server.ask(f"/v2/{name}/tags/list")
        assert got.json == {"name": name, "tags": ["1", "v2.0"]}
        assert names_by_pages(server, f"/v2/{name}/tags/list?n=1", "tags") == (["1", "v2.0"], 2)
    assert server.ask("/v2/pinned/tags/list").json["tags"] == []
    assert server.ask("/v2/app/tags/list?n=0").json["tags"] == []
    assert server.ask("/v2/app/tags/list?last=1a").json["tags"] == ["v2.0"]
    assert server.ask("/v2/_catalog?last=p").json["repositories"] == ["pinned", "team/web"]


def test_nothing_refers_to_an_image(server):
    got = server.ask(f"/v2/app/referrers/{APP.digest}")
    assert got.headers["content-type"] == "application/vnd.oci.image.index.v1+json"
    assert got.json == {"schemaVersion": 2, "manifests": [],
                        "mediaType": "application/vnd.oci.image.index.v1+json"}


# Errors

NOBODY = "sha256:" + "0" * 64


@pytest.mark.parametrize("uri, method, status, code", [
    ("/v2/nobody/manifests/1", "GET", 404, "NAME_UNKNOWN"),
    ("/v2/nobody/tags/list", "GET", 404, "NAME_UNKNOWN"),
    (blob(digest_of(ONE.data), "nobody"), "GET", 404, "NAME_UNKNOWN"),
    (f"/v2/nobody/referrers/{NOBODY}", "GET", 404, "NAME_UNKNOWN"),
    ("/v2/app/manifests/2", "GET", 404, "MANIFEST_UNKNOWN"),
    (f"/v2/app/manifests/{NOBODY}", "GET", 404, "MANIFEST_UNKNOWN"),
    (f"/v2/app/manifests/{WEB.digest}", "GET", 404, "MANIFEST_UNKNOWN"),
    ("/v2/app/manifests/-", "GET", 400, "MANIFEST_INVALID"),
    (blob(NOBODY), "GET", 404, "BLOB_UNKNOWN"),
    (blob("sha256:0"), "GET", 400, "DIGEST_INVALID"),
    ("/v2/app/manifests/sha256:0", "GET", 400, "DIGEST_INVALID"),
    ("/v2/App/manifests/1", "GET", 400, "NAME_INVALID"),
    ("/v2/../manifests/1", "GET", 400, "NAME_INVALID"),
    ("/v2/_catalog?n=x", "GET", 400, "PAGINATION_NUMBER_INVALID"),
    ("/v2/a", "GET", 404, "NOT_FOUND"), ("/favicon.ico", "GET", 404, "NOT_FOUND"),
    ("/v2/app/blobs/uploads/", "POST", 405, "UNSUPPORTED"),
    ("/v2/app/blobs/uploads/", "GET", 405, "UNSUPPORTED"),
    ("/v2/app/manifests/1", "PUT", 405, "UNSUPPORTED"),
    ("/v2/app/manifests/1", "DELETE", 405, "UNSUPPORTED"),
    ("/", "OPTIONS", 405, "UNSUPPORTED")])
def test_errors_are_the_specification_s(server, uri, method, status, code):
    got = server.ask(uri, method)
    assert (got.status, got.code) == (status, code)
    assert got.headers["content-type"] == "application/json"
    assert got.whole and got.json["errors"][0]["detail"] == uri
    assert got.headers.get("allow") == ("GET, HEAD" if status == 405 else None)


@pytest.mark.parametrize("uri", ["/v2/app/manifests/2", blob(NOBODY), "/nowhere"])
def test_head_has_no_body_in_errors_either(server, uri):
    got = server.ask(uri, "HEAD")
    assert (got.status, got.rest) == (404, b"")


# Blobs

@pytest.mark.parametrize("digest", list(BLOBS))
def test_blobs_come_as_they_are(server, digest):
    for name in ("app", "quay.io/team/web"):
        got = server.ask(blob(digest, name))
        assert (got.status, got.headers["content-type"]) == (200, "application/octet-stream")
        assert got.body == BLOBS[digest] and got.whole
        assert got.headers["docker-content-digest"] == digest
        assert got.headers["accept-ranges"] == "bytes"
    head = server.ask(blob(digest), "HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str(len(BLOBS[digest])))
    assert head.rest == b""


def ranges(size):
    """Header, and what it stands for; None: nothing of it."""
    frame = (8 << 20) - 1024
    yield from [("0-", slice(0, None)), ("0-0", slice(0, 1)), ("-1", slice(size - 1, None)),
                (f"{size - 1}-", slice(size - 1, None)), ("5-99999999999", slice(5, None)),
                (f"-{size + 5}", slice(0, None)), (f"{size}-", None), ("-0", None)]
    for border in (128 << 10, frame - 512, frame, 2 * frame - 512):
        if border + 9 < size:
            yield f"{border - 7}-{border + 8}", slice(border - 7, border + 9)


@pytest.mark.parametrize("digest", [digest_of(layer.data) for layer in (ONE, PLAIN)])
def test_ranges(path, digest):
    data = BLOBS[digest]
    with Server(path) as server:            # so that the first one has to wait for the proof
        for text, part in ranges(len(data)):
            got = server.ask(blob(digest), Range=f"bytes={text}")
            if part is None:
                assert (got.status, got.code) == (416, "RANGE_INVALID")
                assert got.headers["content-range"] == f"bytes */{len(data)}"
                continue
            begin, end, _ = part.indices(len(data))
            assert (got.status, got.body) == (206, data[part]), text
            assert got.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(data)}"


@pytest.mark.parametrize("headers, status", [
    ({"Range": "bytes=0-1,4-5"}, 200), ({"Range": "lines=0-1"}, 200),
    ({"Range": "bytes=2-1"}, 200), ({"Range": "bytes=0-1"}, 206),
    ({"Range": "bytes=0-1", "If_Range": f'"{digest_of(TWO.data)}"'}, 206),
    ({"Range": "bytes=0-1", "If_Range": '"x"'}, 200),
    ({"Range": "bytes=0-1", "If_Range": "Tue, 24 Nov 2026 00:00:00 GMT"}, 200),
    ({"If_None_Match": f'"{digest_of(TWO.data)}"'}, 304), ({"If_None_Match": "*"}, 304),
    ({"If_None_Match": f'"x", W/"{digest_of(TWO.data)}"', "Range": "bytes=0-1"}, 304),
    ({"If_None_Match": '"x"'}, 200)])
def test_conditions(server, headers, status):
    got = server.ask(blob(digest_of(TWO.data)), **headers)
    assert got.status == status
    assert got.headers["etag"] == f'"{digest_of(TWO.data)}"'
    assert got.body == {200: TWO.data, 206: TWO.data[:2], 304: b""}[status]
    assert got.rest == b""


def test_manifests_have_conditions_but_no_ranges(server):
    got = server.ask("/v2/app/manifests/1", If_None_Match=f'"{APP.digest}"')
    assert (got.status, got.body, got.rest) == (304, b"", b"")
    assert server.ask("/v2/app/manifests/1", Range="bytes=0-1").status == 200


# What does not hold

@pytest.mark.parametrize("layer", [ONE, PLAIN], ids=["raw", "compressed"])
@pytest.mark.parametrize("at", [0.3, 0.9])
def test_a_damaged_blob_is_never_whole(tmp_path, layer, at):
    digest = digest_of(layer.data)
    path = tmp_path / "b.tar.zst"
    path.write_bytes(damaged(BUNDLE, digest, at))
    with Server(path) as server:
        got = server.ask(blob(digest))
        assert got.status == 200 and not got.whole
        assert server.ask(blob(digest)).status == 500
        got = server.ask(blob(digest), Range="bytes=0-9")
        assert (got.status, got.code) == (500, "UNKNOWN")
        # What is whole is served.
        assert server.ask(blob(digest_of(TWO.data))).body == TWO.data
        assert server.ask(blob(digest), "HEAD").status == 500
        log = server.end()
    assert f"{path}: blob {digest}: " in log
    assert ": 200, " in log and ", broken off\n" in log


def test_no_part_of_a_damaged_blob_is_handed_out(tmp_path):
    digest = digest_of(ONE.data)
    path = tmp_path / "b.tar.zst"
    path.write_bytes(damaged(BUNDLE, digest, 0.9))
    with Server(path) as server:
        for _ in range(2):
            got = server.ask(blob(digest), Range="bytes=0-9")
            assert (got.status, got.code) == (500, "UNKNOWN")
        assert server.ask(blob(digest)).status == 500
        log = server.end()
    assert log.count(f"blob {digest}: ") == 1, "proved twice"


def test_a_file_that_shrinks_or_changes_is_noticed(tmp_path):
    digest = digest_of(TWO.data)
    path = tmp_path / "b.tar.zst"
    path.write_bytes(BUNDLE.data)
    with Server(path) as server:
        assert server.ask(blob(digest), Range="bytes=0-9").body == TWO.data[:10]
        with open(path, "r+b") as file:             # what was proved is another file now
            begin = next(b for name, b, _ in BUNDLE.regions if name == digest)
            file.seek(begin + 30_000)
            file.write(b"damaged!")
        assert server.ask(blob(digest), Range="bytes=0-9").status == 500
        assert server.ask(blob(digest_of(ONE.data))).body == ONE.data
        os.truncate(path, begin + 20_000)
        got = server.ask(blob(digest))
        assert got.status == 200 and not got.whole
        assert server.ask(blob(digest), Range="bytes=0-9").status == 500
        assert server.ask("/v2/app/manifests/1").status == 200


def test_a_file_that_changes_on_the_way_is_noticed(tmp_path):
    big = plain_layer("big", 30_000_000)
    path = tmp_path / "b.tar.zst"
    path.write_bytes(write([image("docker.io/library/app:1", [big])]).data)
    with Server(path) as server:
        target = blob(digest_of(big.data))
        assert server.ask(target, Range="bytes=0-9").status == 206
        with server.connect() as connection:
            connection.sendall(request(target, Range="bytes=1-"))
            connection.recv(10)
            path.touch()
            rest = read_all(connection)
        assert len(rest) < len(big.data) - 10
        assert "the file was changed while it was read" in server.end()


def test_a_file_that_changes_all_the_time_is_not_called_damaged(path):
    """Its proofs last for a moment only; what is handed out is right all the same."""
    def change():
        moment = path.stat().st_mtime_ns
        while not stop.wait(0.0005):
            moment += 1_000_000
            os.utime(path, ns=(moment, moment))

    target, stop = blob(digest_of(PLAIN.data)), threading.Event()
    statuses = set()
    with Server(path) as server:
        changes = threading.Thread(target=change)
        changes.start()
        try:
            for _ in range(10):
                got = server.ask(target, Range="bytes=5-99")
                statuses.add(got.status)
                assert got.status == 503 or PLAIN.data[5:].startswith(got.body)
                assert got.status != 503 or got.code == "UNAVAILABLE"
        finally:
            stop.set()
            changes.join()
        assert statuses <= {206, 503} and 503 in statuses
        assert server.ask(target, Range="bytes=5-99").body == PLAIN.data[5:100]


@pytest.mark.parametrize("content, status, words", [
    (b"", 3, "no bundle: it is empty"), (b"x" * 5000, 3, "no bundle"),
    (BUNDLE.data[:-200_000], 3, "cut off"),
    (damaged(BUNDLE, APP.digest), 3, "damaged.tar.zst: docker.io/library/app:1: "),
    (damaged(BUNDLE, "front"), 3, "damaged.tar.zst: "), (None, 1, "no such file")],
    ids=["empty", "other", "cut", "manifest", "front", "missing"])
def test_bad_bundles_are_not_served(tmp_path, path, content, status, words):
    bad = tmp_path / "damaged.tar.zst"
    if content is not None:
        bad.write_bytes(content)
    done = run("serve", path, bad, "--listen", "127.0.0.1:0")
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr.splitlines()[-1]


# Several bundles

def test_several_bundles(tmp_path, path):
    more = tmp_path / "more.tar.zst"
    extra = gzip_layer("extra", 5000)
    more.write_bytes(write([APP, image("docker.io/library/app:3", [extra])]).data)
    with Server(path, more) as server:
        assert server.ask("/v2/app/tags/list").json["tags"] == ["1", "3", "v2.0"]
        assert server.ask(blob(digest_of(extra.data))).body == extra.data
        assert server.ask(blob(digest_of(ONE.data))).body == ONE.data
        assert sum(row["name"] == "app:1" for row in server.document["images"]) == 1


def test_a_blob_that_one_bundle_has_damaged_comes_from_another(tmp_path, path):
    digest = digest_of(ONE.data)
    bad = tmp_path / "damaged.tar.zst"
    bad.write_bytes(damaged(BUNDLE, digest))
    with Server(bad, path, bad) as server:
        got = server.ask(blob(digest), Range="bytes=5-99")
        assert (got.status, got.body) == (206, ONE.data[5:100])
        assert server.ask(blob(digest)).body == ONE.data
        assert f"{bad}: blob {digest}: " in server.end()
    with Server(bad, bad) as server:
        assert server.ask(blob(digest), Range="bytes=5-99").status == 500
        assert server.ask(blob(digest)).status == 500


def test_bundles_are_files_that_the_system_has_to_allow(tmp_path, path):
    """More of them than a process may open, as long as it may allow itself more."""
    for number in range(100):
        (tmp_path / f"{number}.tar.zst").symlink_to(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, hard))
    try:
        server = Server(*tmp_path.glob("*.tar.zst"), options=["--connections", "1"])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with server, open(f"/proc/{server.pid}/limits", encoding="utf-8") as limits:
        allowed = next(line for line in limits if line.startswith("Max open files")).split()[3]
        assert int(allowed) >= 100 + 3 + 256
        assert server.ask("/v2/").status == 200


@pytest.mark.parametrize("name", ["docker.io/library/app:1", "quay.io/app:1"])
def test_one_name_for_two_images_is_refused(tmp_path, path, name):
    more = tmp_path / "more.tar.zst"
    more.write_bytes(write([image(name, [gzip_layer("else", 500)])]).data)
    done = run("serve", path, more, "--listen", "127.0.0.1:0")
    line = done.stderr.splitlines()[0]
    assert (done.returncode, done.stdout) == (2, "")
    for words in (str(path), str(more), name, "would both be called app:1", "serve one of them"):
        assert words in line


def test_a_name_by_the_first_rule_counts_more(tmp_path):
    hub = image("docker.io/library/app:1", [ONE])
    quay = image("quay.io/library/app:1", [TWO])
    path = tmp_path / "b.tar.zst"
    path.write_bytes(write([hub, quay]).data)
    with Server(path) as server:
        for name, each in [("app", hub), ("library/app", quay), ("docker.io/library/app", hub),
                           ("quay.io/library/app", quay)]:
            assert server.ask(f"/v2/{name}/manifests/1").body == each.manifest


# HTTP

def test_connections_are_kept_and_requests_may_wait_in_line(server):
    paths = ["/v2/", blob(digest_of(TWO.data)), "/v2/app/manifests/1", "/v2/nobody/tags/list",
             "/v2/app/manifests/1", "/v2/"]
    methods = ["GET", "GET", "HEAD", "GET", "GET", "GET"]
    wire = b"".join(request(path, method, close=path == paths[-1] and n > 0)
                    for n, (path, method) in enumerate(zip(paths, methods)))
    data = server.send(wire)
    answers = []
    for method in methods:
        answers.append(Answer.read(data, method))
        data = answers[-1].rest
    assert [each.status for each in answers] == [200, 200, 200, 404, 200, 200]
    assert answers[1].body == TWO.data and answers[4].body == APP.manifest and data == b""


@pytest.mark.parametrize("data, status", [
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", {431}),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 9000 + b"\r\n", {431}),
    (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414, 431}),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", {413}),
    (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     {413}),
    (b"PUT /v2/app/manifests/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n"
     b"Expect: 100-continue\r\n\r\n", {405}),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", {400, 413}),
    (b"GET /v2/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {404}),
    (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", {405})],
    ids=["header", "headers", "uri", "body", "chunks", "put", "length", "nul", "method"])
def test_odd_requests_are_refused(server, data, status):
    assert Answer.read(server.send(data)).status in status


@pytest.mark.parametrize("data", [b"\0" * 100, b"\r\n" * 50_000, b"GET\r\n\r\n", os.urandom(3000),
                                  b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n"],
                         ids=["zeros", "lines", "word", "noise", "tls", "version"])
def test_what_is_no_request_does_no_harm(path, data):
    with Server(path, options=["--timeout", "1"]) as server:
        server.send(data)
        assert server.ask("/v2/").status == 200
        server.end()
        assert server.process.returncode == 0


def test_http_1_0_is_spoken(server):
    data = server.send(b"GET /v2/app/manifests/1 HTTP/1.0\r\n\r\n")
    assert Answer.read(data).body == APP.manifest
    page = server.send(b"GET / HTTP/1.0\r\n\r\n")
    assert page.endswith(b"</html>\n") and b"chunked" not in page


# Who keeps us waiting

def test_slow_clients_are_ended(path):
    with Server(path, options=["--timeout", "1"]) as server:
        began = time.monotonic()
        silent, idle, trickling = server.connect(), server.connect(), server.connect()
        idle.sendall(request("/v2/", close=False))
        trickling.settimeout(0.2)
        ended = False
        while not ended and time.monotonic() - began < 10:
            try:
                trickling.sendall(b"G")
                ended = trickling.recv(10) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                ended = True
        assert ended and time.monotonic() - began < 6
        assert read_all(silent) == b"" and Answer.read(read_all(idle)).status == 200
        assert time.monotonic() - began < 8
        for connection in (silent, idle, trickling):
            connection.close()


def test_who_takes_nothing_is_ended(tmp_path):
    big = plain_layer("big", 60_000_000)            # more than sockets hold
    path = tmp_path / "b.tar.zst"
    path.write_bytes(write([image("docker.io/library/app:1", [big])]).data)
    with Server(path, options=["--timeout", "1"]) as server, server.connect() as connection:
        connection.sendall(request(blob(digest_of(big.data))))
        deadline = time.monotonic() + 10
        while not any("broken off" in line for line in server.lines):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_too_many_wait_for_their_turn(path):
    with Server(path, options=["--connections", "2"]) as server:
        first, second = server.connect(), server.connect()
        for connection in (first, second):          # they are in, not on their way
            connection.sendall(request("/v2/", close=False))
            connection.recv(10)
        third = server.connect(timeout=0.5)
        third.sendall(request("/v2/app/manifests/1"))
        with pytest.raises(TimeoutError):
            third.recv(1)
        first.close()
        third.settimeout(10)
        assert Answer.read(read_all(third)).body == APP.manifest
        second.close()
        third.close()


def slow_client(server, uri):
    """One that has asked, and whose system keeps next to nothing for it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connection.settimeout(60)
    connection.connect((server.host, server.port))
    connection.sendall(request(uri))
    return connection


@pytest.mark.parametrize("layer, limit", [
    (gzip_layer("raw", 400_000), 64 << 20), (plain_layer("packed", 1_500_000), 112 << 20)],
    ids=["raw", "compressed"])
def test_two_hundred_slow_clients_take_little_memory(tmp_path, layer, limit):
    path = tmp_path / "b.tar.zst"
    path.write_bytes(write([image("docker.io/library/app:1", [layer])]).data)
    with Server(path) as server:
        clients = {slow_client(server, blob(digest_of(layer.data))): bytearray()
                   for _ in range(200)}
        left = set(clients)
        while left:                            # a piece each, in turn
            for client in sorted(left, key=socket.socket.fileno):
                piece = client.recv(1 << 18)
                clients[client] += piece
                if not piece:
                    left.remove(client)
        peak = server.peak()
        for client, data in clients.items():
            client.close()
            assert bytes(data).partition(b"\r\n\r\n")[2] == layer.data
        assert is_sanitized() or peak < limit, f"{peak >> 20} MiB"


def test_many_want_a_part_of_what_nobody_proved(path):
    with Server(path) as server:
        digest = digest_of(PLAIN.data)
        connections = []
        for number in range(50):
            connection = server.connect()
            connection.sendall(request(blob(digest), Range=f"bytes={number * 300_000}-{number * 300_000 + 99}"))
            connections.append(connection)
        for number, connection in enumerate(connections):
            got = Answer.read(read_all(connection))
            connection.close()
            assert (got.status, got.body) == (206, PLAIN.data[number * 300_000:][:100])


# The end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_how_it_ends(path, number):
    with Server(path) as server, server.connect() as idle:
        idle.sendall(request("/v2/", close=False))
        idle.recv(1000)
        began = time.monotonic()
        server.end(number)
        assert server.process.returncode == 0
        assert time.monotonic() - began < 3
        assert read_all(idle) == b""


def test_what_is_on_its_way_arrives(tmp_path):
    big = plain_layer("big", 30_000_000)
    path = tmp_path / "b.tar.zst"
    path.write_bytes(write([image("docker.io/library/app:1", [big])]).data)
    with Server(path) as server, server.connect() as connection:
        connection.sendall(request(blob(digest_of(big.data)), close=False))
        head = connection.recv(100)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionError):
            server.connect()
        assert Answer.read(head + read_all(connection)).body == big.data
        assert server.process.wait(10) == 0


# Where it listens

def test_ports_and_addresses(path):
    with Server(path, listen="[::1]:0") as server:
        assert server.url.startswith("http://[::1]:")
        assert server.ask("/v2/").status == 200
        assert server.end() == f"[::1]:{server.lines[0].split()[0].rpartition(':')[2]} GET /v2/: 200, 2 B\n"
    with Server(path, listen=":0") as server:
        assert server.ask("/v2/").status == 200
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(request("/v2/"))
            assert Answer.read(read_all(connection)).status == 200
        log = server.end()
    assert log.startswith("warning: without --cert and --key whoever is between ")
    assert "\n127.0.0.1:" in log


def test_a_port_that_is_taken(server, path):
    done = run("serve", path, "--listen", server.address)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"ferry: cannot listen at {server.address}: Address already in use\n"


@pytest.mark.parametrize("args, words", [
    (["--listen", "ferry.example:5000"], "ferry.example:5000: nowhere to listen"),
    (["--listen", "5000"], "5000: nowhere to listen"),
    (["--cert", "/dev/null"], "a certificate needs its key"),
    (["--key", "/dev/null"], "a key its certificate"),
    (["--timeout", "0"], "option '--timeout' takes a number from 1")])
def test_usage(path, args, words):
    done = run("serve", path, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr.splitlines()[0]


# TLS

@pytest.fixture(scope="module", name="keys")
def keys_fixture(tmp_path_factory):
    """A certificate, its key, another key, and one with a password."""
    folder = tmp_path_factory.mktemp("keys")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
           "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    for name in ("one", "two"):
        subprocess.run([*new, "-nodes", "-keyout", folder / f"{name}.key", "-out",
                        folder / f"{name}.pem"], check=True, capture_output=True)
    subprocess.run(["openssl", "ec", "-in", folder / "one.key", "-aes128", "-passout", "pass:x",
                    "-out", folder / "secret.key"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module", name="tls")
def tls_fixture(path, keys):
    with Server(path, options=["--cert", keys / "one.pem", "--key", keys / "one.key",
                               "--timeout", "2"]) as server:
        yield server


def test_the_same_over_tls(tls, keys):
    authority = keys / "one.pem"
    assert tls.url.startswith("https://") and tls.document["tls"]
    for digest, data in BLOBS.items():
        assert tls.ask(blob(digest), authority=authority).body == data
    got = tls.ask(blob(digest_of(PLAIN.data)), authority=authority, Range="bytes=-9")
    assert (got.status, got.body) == (206, PLAIN.data[-9:])
    data = tls.send(request("/v2/", close=False) + request("/v2/app/manifests/1"), authority)
    assert Answer.read(Answer.read(data).rest).body == APP.manifest


def test_who_speaks_no_tls_is_ended(tls, keys):
    assert tls.send(request("/v2/")) in (b"",) or True
    with tls.connect() as silent:
        began = time.monotonic()
        assert read_all(silent) == b""
        assert time.monotonic() - began < 8
    assert tls.ask("/v2/", authority=keys / "one.pem").status == 200


def test_a_damaged_blob_is_never_whole_over_tls(tmp_path, keys):
    digest = digest_of(ONE.data)
    path = tmp_path / "b.tar.zst"
    path.write_bytes(damaged(BUNDLE, digest))
    with Server(path, options=["--cert", keys / "one.pem", "--key", keys / "one.key"]) as server:
        got = server.ask(blob(digest), authority=keys / "one.pem")
        assert got.status == 200 and not got.whole


def test_many_over_tls_and_the_end(path, keys):
    with Server(path, options=["--cert", keys / "one.pem", "--key", keys / "one.key"]) as server:
        connections = [server.connect(keys / "one.pem") for _ in range(50)]
        for connection in connections:
            connection.sendall(request(blob(digest_of(ONE.data))))
        for connection in connections:
            assert Answer.read(read_all(connection)).body == ONE.data
            connection.close()
        server.end()
        assert server.process.returncode == 0


@pytest.mark.parametrize("certificate, key, words", [
    ("one.pem", "two.key", "two.key: no key in PEM for this certificate: key values mismatch"),
    ("one.key", "one.key", "one.key: no certificate in PEM"),
    ("none.pem", "one.key", "none.pem: no certificate in PEM"),
    ("one.pem", "none.key", "none.key: no key in PEM"),
    ("one.pem", "secret.key", "secret.key: no key in PEM for this certificate")])
def test_bad_certificates(path, keys, certificate, key, words):
    done = run("serve", path, "--cert", keys / certificate, "--key", keys / key)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


# The page

def test_page(server):
    got = server.ask("/")
    text = got.body.decode()
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    for words in ("docker pull ferry.test:5000/app:1<", "podman pull --tls-verify=false "
                  "ferry.test:5000/team/web:2<", "ctr images pull --plain-http ferry.test:5000/",
                  "docker://ferry.test:5000/app:v2.0 ", f"/pinned@{PINNED.digest}<",
                  "linux/amd64, linux/arm64", APP.digest, "quay.io/team/web:2"):
        assert words in text
    style = re.search("<style>(.*)</style>", text, re.S).group(1)
    sealed = re.search(r"style-src '(sha256-[^']+)'", got.headers["content-security-policy"])
    made = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert sealed.group(1) == "sha256-" + made
    assert "default-src 'none'" in got.headers["content-security-policy"]
    assert "<script" not in text and "http://" not in text
    head = server.ask("/", "HEAD")
    assert (head.status, head.rest) == (200, b"")


def test_page_over_tls_has_other_commands(tls, keys):
    text = tls.ask("/", authority=keys / "one.pem").body.decode()
    assert "podman pull ferry.test:5000/app:1<" in text and "plain-http" not in text


@pytest.mark.parametrize("host", ["a;reboot", '"><script>alert(1)</script>', "$(id):5000", "a b",
                                  "a:b:c", "x" * 300, ""])
def test_a_foreign_host_is_not_put_into_commands(server, host):
    text = server.ask("/", Host=host).body.decode()
    assert f"docker pull {server.address}/app:1<" in text
    assert not host or host not in text
