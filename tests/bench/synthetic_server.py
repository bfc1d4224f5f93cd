#!/usr/bin/python3
"""The registries of synthetic.py, as a program: one that gives, and one that takes.

Each connection has a process to itself, which reads a request, answers it, and reads the
next: so little is done for a request that the client is measured, not the server.
"""

import json
import os
import re
import signal
import socket
import sys
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from synthetic_content import Blob, Contents, digest_of, from_json

PROCESSES = 24  # connections at a time
RECEIVE = 1 << 20
HEAD_MAX = 64 << 10

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.I)
RANGE = re.compile(rb"\r\nrange:[ \t]*bytes=(\d+)-(\d*)", re.I)
TYPE = re.compile(rb"\r\ncontent-type:[ \t]*([^\r]+)", re.I)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.I)

UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/([^?]*)(?:\?(.*))?$")
BLOB = re.compile(r"/v2/(.+)/blobs/([^/?]+)$")
MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/?]+)$")
MOUNT = re.compile(r"mount=sha256(?:%3A|:)([0-9a-f]{64})&from=([^&]+)")
CLOSING = re.compile(r"digest=sha256(?:%3A|:)([0-9a-f]{64})")

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content",
           206: "Partial Content", 404: "Not Found", 405: "Method Not Allowed"}


def answer(status, *headers, body=b"", size=None):
    """An answer's head, and its body where that is small."""
    lines = [f"HTTP/1.1 {status} {REASONS[status]}",
             f"Content-Length: {len(body) if size is None else size}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


WELCOME = answer(200, "Content-Type: application/json", body=b"{}")
NOT_FOUND = answer(404, "Content-Type: application/json",
                   body=b'{"errors":[{"code":"UNKNOWN","message":"unknown"}]}')
NOT_ALLOWED = answer(405)


@dataclass
class Request:
    """A request's head; its body is still in the connection."""

    method: str
    path: str
    head: bytes

    @property
    def length(self):
        """Bytes of the body, if it says so."""
        found = LENGTH.search(self.head)
        return int(found[1]) if found else 0


class Connection:
    """One client's connection: requests in, answers out."""

    def __init__(self, opened):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = opened
        self._ahead = b""
        self._room = bytearray(RECEIVE)
        self.send = opened.sendall

    def request(self):
        """The next request; None at the end."""
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            if len(self._ahead) > HEAD_MAX:
                return None
            more = self._socket.recv(HEAD_MAX)
            if not more:
                return None
            self._ahead += more
        head, self._ahead = self._ahead[:end], self._ahead[end + 4:]
        method, path, _ = head[:head.find(b"\r\n")].decode("latin-1").split(" ")
        return Request(method, path, head)

    def body(self, request):
        """The bytes of a request's body, to be thrown away one after the other."""
        if not CHUNKED.search(request.head):
            yield from self._bytes(request.length)
            return
        while size := int(self._line(), 16):
            yield from self._bytes(size)
            self._line()
        self._line()

    def _bytes(self, size):
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        if taken:
            yield memoryview(taken)
        size -= len(taken)
        while size:
            count = self._socket.recv_into(self._room, min(size, len(self._room)))
            if not count:
                raise ConnectionError("the end, in a body")
            yield memoryview(self._room)[:count]
            size -= count

    def _line(self):
        while b"\r\n" not in self._ahead:
            more = self._socket.recv(HEAD_MAX)
            if not more:
                raise ConnectionError("the end, in a chunk's head")
            self._ahead += more
        line, _, self._ahead = self._ahead.partition(b"\r\n")
        return line


class Source:
    """A registry that holds a release; it knows each blob in every repository."""

    def __init__(self, release):
        self._contents = Contents(release)
        self._documents = {}  # path -> (head, body)
        for (repository, tag), manifest in self._contents.manifests.items():
            for name in (tag, manifest.digest):
                self._documents[f"/v2/{repository}/manifests/{name}"] = manifest
        self._documents["/blobs"] = self._list()

    def _list(self):
        """All blobs with their paths, each once, for who wants them without ferry."""
        paths = [f"/v2/{repository}/manifests/{tag}" for repository, tag in
                 self._contents.manifests]
        return Blob(json.dumps({
            "paths": paths + [f"/v2/any/blobs/{digest}" for digest in self._contents.blobs],
            "bytes": sum(blob.size for blob in self._contents.blobs.values()) +
                     sum(manifest.size for manifest in self._contents.manifests.values()),
        }).encode(), "application/json")

    def serve(self, connection, request):
        """Answer one request."""
        if request.path == "/v2/":
            return connection.send(WELCOME)
        blob = self._documents.get(request.path)
        if not blob and (match := BLOB.match(request.path)):
            blob = self._contents.blobs.get(match[2])
        if not blob:
            return connection.send(NOT_FOUND)
        if request.method not in ("GET", "HEAD"):
            return connection.send(NOT_ALLOWED)
        return self._give(connection, request, blob)

    @staticmethod
    def _give(connection, request, blob):
        headers = [f"Content-Type: {blob.kind}", f"Docker-Content-Digest: {blob.digest}"]
        status, first, end = 200, 0, blob.size
        if wanted := RANGE.search(request.head):
            status, first = 206, int(wanted[1])
            end = min(int(wanted[2]) + 1, end) if wanted[2] else end
            headers.append(f"Content-Range: bytes {first}-{end - 1}/{blob.size}")
        if request.method == "HEAD":
            return connection.send(answer(status, *headers, size=end - first))
        if isinstance(blob, Blob):
            return connection.send(answer(status, *headers, body=blob.content[first:end]))
        connection.send(answer(status, *headers, size=end - first))
        for piece in blob.pieces(first, end):
            connection.send(piece)
        return None


class Sink:
    """A registry that throws blobs away, and remembers which; manifests it keeps.

    What it remembers are the names of files in FOLDER: each as long as the blob was, and
    nothing but holes.
    """

    def __init__(self, folder):
        self._folder = folder
        self._sessions = 0

    def serve(self, connection, request):
        """Take one request's body, if it has one, and answer it."""
        routes = ((UPLOAD, self._upload), (BLOB, self._blob), (MANIFEST, self._manifest))
        for pattern, serve in routes:
            if match := pattern.match(request.path):
                return connection.send(serve(connection, request, *match.groups()))
        return connection.send(WELCOME if request.path == "/v2/" else NOT_FOUND)

    def _place(self, *words):
        return f"{self._folder}/{blake2b(' '.join(words).encode(), digest_size=16).hexdigest()}"

    def _size(self, *words):
        try:
            return os.stat(self._place(*words)).st_size
        except FileNotFoundError:
            return None

    def _remember(self, size, *words):
        with open(self._place(*words), "ab") as file:
            os.truncate(file.fileno(), size)

    def _blob(self, _connection, request, repository, digest):
        size = self._size(repository, digest)
        if size is None:
            return NOT_FOUND
        if request.method != "HEAD":
            return NOT_ALLOWED
        return answer(200, "Content-Type: application/octet-stream",
                      f"Docker-Content-Digest: {digest}", size=size)

    def _upload(self, connection, request, repository, session, query):
        count = sum(map(len, connection.body(request)))
        if request.method == "POST":
            return self._begin(repository, query or "")
        if request.method == "DELETE":
            return answer(204)
        count += self._size(session) or 0
        closing = CLOSING.search(query or "")
        if request.method == "PATCH" or not closing:
            self._remember(count, session)
            return answer(202, f"Location: {request.path}", f"Range: 0-{count - 1}")
        Path(self._place(session)).unlink(missing_ok=True)
        return self._took(repository, closing[1], count)

    def _begin(self, repository, query):
        mount = MOUNT.search(query)
        if mount:
            size = self._size(mount[2], f"sha256:{mount[1]}")
            if size is not None:
                return self._took(repository, mount[1], size)
        self._sessions += 1
        name = f"{os.getpid()}-{self._sessions}"
        return answer(202, f"Location: /v2/{repository}/blobs/uploads/{name}", "Range: 0-0")

    def _took(self, repository, hexdigits, size):
        self._remember(size, repository, f"sha256:{hexdigits}")
        return answer(201, f"Location: /v2/{repository}/blobs/sha256:{hexdigits}",
                      f"Docker-Content-Digest: sha256:{hexdigits}")

    def _manifest(self, connection, request, repository, name):
        if request.method == "PUT":
            return self._take_manifest(connection, request, repository, name)
        try:
            kind, _, body = Path(self._place(repository, name, "")).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return NOT_FOUND
        told = answer(200, f"Content-Type: {kind.decode()}",
                      f"Docker-Content-Digest: {digest_of(body)}", size=len(body))
        return told + (body if request.method == "GET" else b"")

    def _take_manifest(self, connection, request, repository, name):
        body = b"".join(map(bytes, connection.body(request)))
        kind = TYPE.search(request.head)
        for each in {name, digest_of(body)}:
            Path(self._place(repository, each, "")).write_bytes(kind[1] + b"\n" + body)
        return answer(201, f"Location: /v2/{repository}/manifests/{name}",
                      f"Docker-Content-Digest: {digest_of(body)}")


def work(listener, registry):
    """Serve connections, one after the other, for ever."""
    while True:
        connection = Connection(listener.accept()[0])
        try:
            while request := connection.request():
                registry.serve(connection, request)
        except ConnectionError:
            pass


def main(kind, argument, port):
    """Serve until a signal; the workers go with their parent's group."""
    registry = Source(from_json(argument)) if kind == "source" else Sink(argument)
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=256)
    for _ in range(PROCESSES):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            work(listener, registry)
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
