"""The faults: what a rule does instead of answering well.

An Action's run(exchange) is responsible for the whole answer.  `applies`
says whether a request gives the fault a chance to show at all (a request
without Range cannot have its Range ignored); only then is it used up.
"""

import gzip
import json
import time
from dataclasses import dataclass
from email.utils import formatdate
from itertools import count
from typing import Callable

from faulty_http import CHUNK, error, respond, status_line
from faulty_images import (OCI_INDEX, OCI_MANIFEST, SCHEMA1, SCHEMA1_SIGNED, digest_of,
                           to_json)

PORTAL = b"<!DOCTYPE html><html><body><h1>Welcome</h1>Please log in.</body></html>"
WRONG_DIGEST = "sha256:" + "0" * 64


def always(_request):
    return True


def has_range(request):
    return "Range" in request.headers


@dataclass(frozen=True)
class Action:
    """A named fault."""

    name: str
    run: Callable
    applies: Callable = always


def altered(name, change, applies=always):
    """An action that sends the good answer after change(exchange, response)."""
    def run(exchange):
        exchange.send(change(exchange, exchange.answer()))
    return Action(name, run, applies)


# connections

def cut(after=0, how="rst"):
    """Breaks the connection ("rst" or "fin") after N body bytes.

    Counts the request's body for PUT, PATCH and POST, the response's body
    otherwise.  after=None: without even a status line.
    """
    def run(exchange):
        if after is None:
            exchange.hang_up(how)
        if exchange.request.method in ("PUT", "PATCH", "POST"):
            exchange.body.read(after)
            exchange.hang_up(how)
        response = exchange.answer()
        exchange.send_head(response)
        exchange.write_body(response.body[:after])
        exchange.hang_up(how)
    return Action("cut", run)


def lose_reply(how="rst"):
    """Does what is asked, but hangs up instead of saying so."""
    def run(exchange):
        exchange.answer()
        exchange.body.read()
        exchange.hang_up(how)
    return Action("lose_reply", run)


def stall(after=0, seconds=60):
    """Sends N body bytes, is silent for a while, then goes on.

    after=None: silent before the status line.
    """
    def run(exchange):
        response = exchange.answer()
        exchange.body.read()
        if after is None:
            exchange.pause(seconds)
        exchange.send_head(response)
        exchange.write_body(response.body[:after or 0])
        if after is not None:
            exchange.pause(seconds)
        exchange.write_body(response.body[after or 0:])
    return Action("stall", run)


def trickle(size=1, interval=0.1):
    """The good answer, `size` body bytes at a time (slowloris)."""
    def run(exchange):
        response = exchange.answer()
        exchange.body.read()
        exchange.send_head(response)
        for start in range(0, len(response.body), size):
            exchange.write_body(response.body[start:start + size])
            exchange.pause(interval)
    return Action("trickle", run)


def trickle_in(seconds):
    """Takes what is sent, but thinks before it answers."""
    def run(exchange):
        exchange.pause(seconds)
        exchange.send(exchange.answer())
    return Action("trickle_in", run)


def die():
    """The registry is gone: nothing is answered, nothing listens any more."""
    return Action("die", lambda exchange: exchange.die())


# framing

def wrong_length(header=0, body=0):
    """header: Content-Length is off by this much from what is sent.
    body: the body itself is longer (padding) or shorter, honestly framed, and
    so differs from the descriptor.
    """
    def run(exchange):
        response = resized(exchange.answer(), body)
        claimed = len(response.body) + header
        exchange.body.read()
        exchange.send_head(response.with_header("Content-Length", str(claimed)))
        exchange.write_body(response.body)
        exchange.flush()
        exchange.close_after()
    return Action("wrong_length", run)


def resized(response, delta):
    if delta < 0:
        return response.with_body(response.body[:delta])
    return response.with_body(bytes(response.body) + b"\0" * delta)


def two_lengths(delta=1):
    """Two Content-Length headers that contradict each other."""
    def change(_exchange, response):
        second = ("Content-Length", str(len(response.body) + delta))
        response.headers.append(second)
        return response
    return altered("two_lengths", change)


def unframed(how="chunked"):
    """A good answer without Content-Length: "chunked", or until "close", or
    "both" chunked and (lying) Content-Length.
    """
    def run(exchange):
        response = exchange.answer()
        exchange.body.read()
        exchange.send_head(framed_as(response, how))
        if how == "close":
            exchange.write_body(response.body)
            exchange.close_after()
        else:
            write_chunked(exchange, response.body)
    return Action("unframed", run)


def framed_as(response, how):
    if how == "close":
        return response.with_header("Content-Length", None).with_header("Connection", "close")
    length = str(len(response.body) // 2) if how == "both" else None
    return response.with_header("Content-Length", length).with_header(
        "Transfer-Encoding", "chunked")


def write_chunked(exchange, body):
    for start in range(0, len(body), CHUNK):
        exchange.write_chunk(body[start:start + CHUNK])
    exchange.write_raw(b"0\r\n\r\n")


def endless(chunked=True):
    """The good body, and then more without end (chunked, or until close)."""
    def run(exchange):
        response = exchange.answer()
        exchange.send_head(framed_as(response, "chunked" if chunked else "close"))
        write = exchange.write_chunk if chunked else exchange.write_body
        write(response.body)
        while not exchange.registry.stopping.is_set():
            write(b"\0" * CHUNK)
        exchange.hang_up()
    return Action("endless", run)


def endless_headers(one_line=False):
    """Headers that never end: many of them, or a single one."""
    def run(exchange):
        exchange.record.status = 200
        exchange.write_raw(status_line(200).encode())
        for n in count():
            if exchange.registry.stopping.is_set():
                exchange.hang_up()
            exchange.write_raw(b"a" * 1024 if one_line else b"X-Pad-%d: %s\r\n" % (n, b"a" * 80))
    return Action("endless_headers", run)


def endless_interim(code=100, headers=b""):
    """100 Continue (or the like) for ever."""
    def run(exchange):
        while not exchange.registry.stopping.is_set():
            exchange.write_raw(status_line(code).encode() + headers + b"\r\n")
        exchange.hang_up()
    return Action("endless_interim", run)


def endless_trailers():
    """A good body in chunks, and behind it header lines without end."""
    def run(exchange):
        response = exchange.answer()
        exchange.send_head(framed_as(response, "chunked"))
        exchange.write_chunk(response.body)
        exchange.write_raw(b"0\r\n")
        while not exchange.registry.stopping.is_set():
            exchange.write_raw(b"X-Pad: %s\r\n" % (b"a" * 80))
        exchange.hang_up()
    return Action("endless_trailers", run)


def raw(data, then="fin"):
    """These bytes instead of an answer; {length} is that of the good body."""
    def run(exchange):
        response = exchange.answer()
        exchange.body.read()
        exchange.record.status = 200
        length = str(len(response.body)).encode()
        exchange.write_raw(data.replace(b"{length}", length).replace(b"{body}", response.body))
        exchange.hang_up(then)
    return Action("raw", run)


def endless_raw(begin, more):
    """These bytes instead of an answer, and then those without end."""
    def run(exchange):
        exchange.record.status = 200
        exchange.write_raw(begin)
        while not exchange.registry.stopping.is_set():
            exchange.write_raw(more)
        exchange.hang_up()
    return Action("endless_raw", run)


def endless_error(code):
    """An error whose body never ends."""
    return endless_raw(status_line(code).encode() + b"Connection: close\r\n\r\n", b"a" * CHUNK)


def slow_headers(interval=0.1):
    """The good answer's head, a byte at a time, without end (slowloris)."""
    def run(exchange):
        exchange.record.status = 200
        exchange.write_raw(status_line(200).encode())
        while not exchange.registry.stopping.is_set():
            exchange.write_raw(b"a")
            exchange.pause(interval)
        exchange.hang_up()
    return Action("slow_headers", run)


def padded(lines=0, size=0):
    """The good answer with more header lines, or one of many bytes."""
    def change(_exchange, response):
        response.headers += [(f"X-Pad-{n}", "a") for n in range(lines)]
        if size:
            response.headers.append(("X-Pad", "a" * size))
        return response
    return altered("padded", change)


# statuses and headers

def status(code, headers=None, body=b"", early=False):
    """Any answer.  early: without listening to the request's body.

    A code from 400 up without a body gets an error in the OCI format.
    """
    def run(exchange):
        extra = list((headers or {}).items())
        response = respond(code, body, headers=extra) if body or code < 400 else error(
            code, "TOOMANYREQUESTS" if code == 429 else "UNKNOWN", f"fault {code}", extra)
        if not early:
            exchange.send(response)
            return
        exchange.send_head(response)
        exchange.write_body(response.body)
        exchange.hang_up("fin")
    return Action(f"status {code}", run)


def too_many(retry_after=None):
    """429; Retry-After may be seconds, http_date(), garbage, or absent."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return status(429, headers)


def http_date(seconds):
    """A Retry-After that is a date, `seconds` from now."""
    return formatdate(time.time() + seconds, usegmt=True)


def set_header(name, value):
    """The good answer with one header replaced (removed if None)."""
    return altered(f"set_header {name}", lambda _, response: response.with_header(name, value))


def wrong_digest_header(value=WRONG_DIGEST):
    """Another Docker-Content-Digest than the content has; None: without."""
    return set_header("Docker-Content-Digest", value)


def wrong_content_type(value="application/octet-stream"):
    """The good document under a false Content-Type."""
    return set_header("Content-Type", value)


def html_200():
    """A captive portal: everything is fine, and a web page."""
    return altered("html_200", lambda *_: respond(200, PORTAL, "text/html; charset=utf-8"))


def unauthorized(challenge=None):
    """401 whatever the credentials; with times=None a 401 loop.

    challenge: a WWW-Authenticate to send instead of the valid one.
    """
    def run(exchange):
        exchange.send(exchange.registry.auth.unauthorized(exchange.request, challenge))
    return Action("unauthorized", run)


# content

def wrong_bytes(at=None):
    """The right length, one bit wrong (in the middle, or at an offset)."""
    def change(_exchange, response):
        data = bytearray(response.body)
        if data:
            data[len(data) // 2 if at is None else at] ^= 1
        return response.with_body(bytes(data))
    return altered("wrong_bytes", change)


def gzip_encoded(honest=True):
    """Content-Encoding: gzip, on a body that is (or is not) compressed."""
    def change(_exchange, response):
        body = gzip.compress(bytes(response.body)) if honest else response.body
        return response.with_body(body).with_header("Content-Encoding", "gzip")
    return altered("gzip_encoded", change)


# ranges

def without_range(exchange):
    """The whole blob, and its good 200."""
    del exchange.request.headers["Range"]
    return exchange.answer()


def ignore_range():
    """200 and everything, to a Range request."""
    return Action("ignore_range", lambda exchange: exchange.send(without_range(exchange)),
                  has_range)


def wrong_range(start=0, total=0, body=False):
    """206 whose Content-Range is off; body: the bytes sent are off with it."""
    def change(_exchange, response):
        span, size = response.get("Content-Range").split()[1].split("/")
        first, last = (int(n) for n in span.split("-"))
        if body:
            response = response.with_body(moved(response.body, start))
            last -= start
        value = f"bytes {first + start}-{last + start}/{int(size) + total}"
        return response.with_header("Content-Range", value)
    return altered("wrong_range", change, has_range)


def moved(body, start):
    """Body bytes as if the range began `start` later (or earlier)."""
    return body[start:] if start >= 0 else b"\0" * -start + bytes(body)


def range_not_satisfiable(total=None):
    """416 to a Range request; Content-Range tells the true size, or a lie."""
    def run(exchange):
        size = len(without_range(exchange).body) if total is None else total
        exchange.send(error(416, "RANGE_INVALID", headers=[("Content-Range", f"bytes */{size}")]))
    return Action("range_not_satisfiable", run, has_range)


def multipart_range():
    """206 as multipart/byteranges, which nobody asked for."""
    def change(_exchange, response):
        head = f"--X\r\nContent-Range: {response.get('Content-Range')}\r\n\r\n".encode()
        whole = head + bytes(response.body) + b"\r\n--X--\r\n"
        return response.with_body(whole).with_header("Content-Range", None).with_header(
            "Content-Type", "multipart/byteranges; boundary=X")
    return altered("multipart_range", change, has_range)


# redirects

def redirect(location, code=307):
    """Sends the client elsewhere; None: without saying where.

    {path} is the request's path and query, {registry}, {second} and {token}
    the listeners' URLs: "{second}{path}" is object storage, "{path}" a loop
    (of as many hops as the rule has times).
    """
    def run(exchange):
        headers = []
        if location is not None:
            headers.append(("Location", fill(exchange, location)))
        exchange.send(respond(code, headers=headers))
    return Action("redirect", run)


def fill(exchange, template):
    """Replaces the placeholders, and nothing else, in a URL."""
    second = exchange.registry.second_origin.host
    names = {"{path}": exchange.request.path, "{second-host}": second,
             **exchange.registry.urls()}
    for name, value in names.items():
        template = template.replace(name, value)
    return template


# manifests

def moving_tag(other):
    """Answers well, and by then the tag points to `other` (an Image)."""
    def change(exchange, response):
        exchange.registry.retag(exchange.request.repo, exchange.request.ref, other)
        return response
    return altered("moving_tag", change, lambda request: request.kind == "manifest tag")


def document(name, make):
    """Answers a manifest request with make(good manifest) -> (type, bytes)."""
    def change(_exchange, response):
        media_type, data = make(response)
        return respond(200, data, media_type, [("Docker-Content-Digest", digest_of(data))])
    return altered(name, change)


def schema1(signed=True):
    """A manifest of the past, which nobody should convert."""
    body = to_json({"schemaVersion": 1, "name": "app", "tag": "1", "architecture": "amd64",
                    "fsLayers": [], "history": [], "signatures": []})
    return document("schema1", lambda _: (SCHEMA1_SIGNED if signed else SCHEMA1, body))


def both_fields():
    """A manifest that is an index as well (CVE-2021-41190)."""
    def make(response):
        fields = json.loads(response.body)
        fields.setdefault("layers", [])
        fields.setdefault("config", {"mediaType": "x", "digest": WRONG_DIGEST, "size": 1})
        fields.setdefault("manifests", [])
        return response.get("Content-Type"), to_json(fields)
    return document("both_fields", make)


def crowded_index(platforms=100_000):
    """An index with this many children, none of which exists."""
    child = {"mediaType": OCI_MANIFEST, "digest": WRONG_DIGEST, "size": 1,
             "platform": {"os": "linux", "architecture": "amd64"}}
    def make(_response):
        return OCI_INDEX, to_json({"schemaVersion": 2, "mediaType": OCI_INDEX,
                                   "manifests": [child] * platforms})
    return document("crowded_index", make)


def huge_manifest(size=100 << 20, chunked=False):
    """A valid manifest, blown up by an annotation; made as it is sent."""
    def run(exchange):
        good = exchange.answer()
        head = good.body.rstrip()[:-1] + b',"annotations":{"pad":"'
        padding = size - len(head) - len(b'"}}')
        framed = good.with_header("Docker-Content-Digest", None)
        exchange.send_head(framed_as(framed, "chunked") if chunked else
                           framed.with_header("Content-Length", str(size)))
        write = exchange.write_chunk if chunked else exchange.write_body
        write(head)
        for start in range(0, padding, CHUNK):
            write(b"a" * min(CHUNK, padding - start))
        write(b'"}}')
        if chunked:
            exchange.write_raw(b"0\r\n\r\n")
    return Action("huge_manifest", run)


# pushes

def stored_digest_differs(value=WRONG_DIGEST):
    """Takes the push, but answers that it is stored under another digest."""
    def change(exchange, response):
        location = response.get("Location") or ""
        moved_to = location.replace(exchange.request.digest or "", value)
        return response.with_header("Docker-Content-Digest", value).with_header(
            "Location", moved_to)
    return altered("stored_digest_differs", change)


def forget_upload():
    """The upload session is lost: 404 to this request and those after."""
    def run(exchange):
        exchange.registry.store.uploads.pop(exchange.request.session, None)
        exchange.send(exchange.answer())
    return Action("forget_upload", run)


def upload_location_other_origin():
    """Begins the upload, but it is to continue at the second origin."""
    def change(exchange, response):
        urls = exchange.registry.urls()
        location = response.get("Location").removeprefix(urls["{registry}"])
        return response.with_header("Location", urls["{second}"] + location)
    return altered("upload_location_other_origin", change)
