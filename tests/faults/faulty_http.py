"""The wire: listeners, requests, responses, and full control over both.

http.server parses requests; everything that goes back is written here, byte
by byte, because the faults need to break what a library would keep intact.
"""

import fcntl
import re
import socket
import struct
import termios
import threading
import time
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from faulty_images import to_json

CHUNK = 64 * 1024
NAME = r"(?P<repo>[a-z0-9._/-]+)"
KINDS = [
    ("ping", re.compile(r"/v2/?$")),
    ("token", re.compile(r"/token$")),
    ("catalog", re.compile(r"/v2/_catalog$")),
    ("tags", re.compile(rf"/v2/{NAME}/tags/list$")),
    ("manifest digest", re.compile(rf"/v2/{NAME}/manifests/(?P<ref>\w+:[^/]+)$")),
    ("manifest tag", re.compile(rf"/v2/{NAME}/manifests/(?P<ref>[^/:]+)$")),
    ("referrers", re.compile(rf"/v2/{NAME}/referrers/(?P<ref>[^/]+)$")),
    ("upload", re.compile(rf"/v2/{NAME}/blobs/uploads/(?P<ref>[^/]*)$")),
    ("blob", re.compile(rf"/v2/{NAME}/blobs/(?P<ref>[^/]+)$")),
]


class Hangup(Exception):
    """The exchange ended by cutting the connection."""


@dataclass
class Record:
    """One request as seen by the server, and what became of it."""

    listener: str
    method: str
    path: str
    headers: dict           # lower-case names
    kind: str
    repo: str | None
    digest: str | None      # the one it is about, if it names one
    status: int | None = None
    sent: int = 0           # body bytes
    received: int = 0       # body bytes
    fault: str | None = None


@dataclass
class Response:
    """An answer that can still be changed before it is sent."""

    status: int
    headers: list = field(default_factory=list)
    body: bytes = b""

    def get(self, name):
        """The first value of a header, or None."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def with_header(self, name, value):
        """A copy with one header replaced, or removed if value is None."""
        kept = [(k, v) for k, v in self.headers if k.lower() != name.lower()]
        return replace(self, headers=kept + ([(name, value)] if value is not None else []))

    def with_body(self, body):
        """A copy with another body, honestly framed."""
        return replace(self.with_header("Content-Length", str(len(body))), body=body)


def respond(status, body=b"", content_type=None, headers=()):
    """A well-formed response."""
    fields = list(headers)
    if content_type:
        fields.append(("Content-Type", content_type))
    if status != 204:
        fields.append(("Content-Length", str(len(body))))
    return Response(status, fields, body)


def error(status, code, message="", headers=()):
    """An error in the format of the distribution specification."""
    body = to_json({"errors": [{"code": code, "message": message, "detail": None}]})
    return respond(status, body, "application/json; charset=utf-8", headers)


class Request:
    """What the client asks for, sorted into the kinds rules speak of."""

    def __init__(self, handler, listener):
        self.listener = listener
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        url = urlsplit(self.path)
        self.query = parse_qs(url.query, keep_blank_values=True)
        self.kind, self.repo, self.ref = self._classify(url.path)

    def _classify(self, path):
        for kind, pattern in KINDS:
            found = pattern.match(path)
            if found:
                groups = found.groupdict()
                return self._refine(kind), groups.get("repo"), groups.get("ref")
        return "other", None, None

    def _refine(self, kind):
        """Closing an upload is what rules call "PUT blob"."""
        if kind == "upload" and self.method == "PUT":
            return "blob"
        if kind == "upload" and "mount" in self.query:
            return "upload mount"
        return kind

    @property
    def session(self):
        """The upload session this request belongs to."""
        return self.ref

    @property
    def digest(self):
        """The digest this request is about, if it names one."""
        if self.kind == "blob" and self.method == "PUT":
            return self.argument("digest")
        if self.kind == "upload mount":
            return self.argument("mount")
        return self.ref if self.kind in ("blob", "manifest digest") else None

    def argument(self, name):
        """A query argument, or None."""
        return self.query.get(name, [None])[0]

    def record(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Record(self.listener.name, self.method, self.path, headers,
                      self.kind, self.repo, self.digest)


class RequestBody:
    """Reads a request body in either framing, never beyond its end."""

    def __init__(self, stream, headers, record):
        self.stream = stream
        self.record = record
        self.chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self.left = 0 if self.chunked else int(headers.get("Content-Length") or 0)
        self.ended = not self.chunked and self.left == 0

    def read(self, limit=None):
        """Up to `limit` bytes (all of it without), b"" at the end."""
        parts, got = [], 0
        while not self.ended and (limit is None or got < limit):
            room = CHUNK if limit is None else min(CHUNK, limit - got)
            data = self._some(room)
            parts.append(data)
            got += len(data)
        self.record.received += got
        return b"".join(parts)

    def _some(self, room):
        if self.chunked and self.left == 0 and not self._next_chunk():
            return b""
        data = self.stream.read1(min(room, self.left))
        if not data:
            raise Hangup("client went away in its body")
        self.left -= len(data)
        if self.left == 0:
            self._piece_done()
        return data

    def _next_chunk(self):
        size = self.stream.readline(128).split(b";")[0].strip()
        self.left = int(size, 16) if size else 0
        if self.left == 0:
            while self.stream.readline(8192).strip():
                pass
            self.ended = True
        return self.left > 0

    def _piece_done(self):
        if self.chunked:
            self.stream.readline(8)
        else:
            self.ended = True


class Exchange:
    """One request and the means to answer it well or badly."""

    def __init__(self, registry, handler, listener):
        self.registry = registry
        self.life = registry.life
        self.handler = handler
        self.socket = handler.connection
        self.request = Request(handler, listener)
        self.record = self.request.record()
        self.body = RequestBody(handler.rfile, handler.headers, self.record)

    def answer(self):
        """What a good registry would answer (and do)."""
        return self.registry.routes.answer(self.request, self.body)

    def send(self, response):
        """Sends an answer as it is, after hearing the client out."""
        self.body.read()
        self.send_head(response)
        self.write_body(response.body)

    def send_head(self, response):
        """Status line and headers, exactly as given."""
        self.record.status = response.status
        lines = [status_line(response.status)]
        lines += [f"{name}: {value}\r\n" for name, value in response.headers]
        self.write_raw("".join(lines + ["\r\n"]).encode("latin-1"))

    def write_body(self, data):
        """Body bytes: counted, and subject to a planned death."""
        if self.request.method == "HEAD":
            return
        view = memoryview(data)
        for start in range(0, len(view), CHUNK):
            piece = view[start:start + CHUNK]
            granted, last = self.registry.grant(self.request, len(piece))
            self._write_counted(piece[:granted])
            if last:
                self.die()

    def write_chunk(self, data):
        """One chunk of a chunked body."""
        self.write_raw(b"%x\r\n" % len(data))
        self.write_body(data)
        self.write_raw(b"\r\n")

    def _write_counted(self, data):
        """Counts first: who has the answer must find it in the record."""
        self.record.sent += len(data)
        done = 0
        try:
            while done < len(data):
                done += self.socket.send(data[done:])
        except OSError:
            self.record.sent -= len(data) - done
            raise

    def write_raw(self, data):
        """Bytes that are not body."""
        self.socket.sendall(data)

    def close_after(self):
        """No further request on this connection."""
        self.handler.close_connection = True

    def pause(self, seconds):
        """Sleeps, but not beyond the end of the test."""
        if self.registry.stopping.wait(seconds):
            raise Hangup("stopping")

    def flush(self, patience=2.0):
        """Waits until the peer's kernel has everything: a reset would drop it."""
        end = time.monotonic() + patience
        while unsent(self.socket) and time.monotonic() < end:
            time.sleep(0.001)

    def hang_up(self, how="rst"):
        """Ends the connection now, by "rst" or "fin"."""
        self.flush()
        if how == "rst":
            reset_on_close(self.socket)
        else:
            self.socket.shutdown(socket.SHUT_WR)
        raise Hangup(how)


    def die(self):
        """The registry dies; the one who saw it happen gets a clean reset."""
        self.handler.server.let_go(self.socket)
        self.registry.die(self.life)
        self.hang_up()


def status_line(status):
    """The first line of an answer, also for codes nobody has heard of."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    return f"HTTP/1.1 {status} {reason}\r\n"


def unsent(sock):
    """Bytes the peer has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]


def reset_on_close(sock):
    """Makes the coming close an abort (RST)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Handler(BaseHTTPRequestHandler):
    """Lets http.server parse, and the registry do the rest."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def exchange(self):
        exchange = Exchange(self.server.registry, self, self.server)
        try:
            exchange.registry.play(exchange)
            exchange.body.read()
        except (Hangup, OSError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = exchange

    def log_message(self, *_):
        """Silent: the record tells everything."""


class Listener:
    """A listening socket with a thread per connection, killable at once."""

    def __init__(self, registry, name, port=0, tls=None, host="127.0.0.1",
                 address="127.0.0.1"):
        self.registry = registry
        self.name = name
        self.port = port
        self.tls = tls          # an ssl.SSLContext, or None
        self.known_as = host    # what clients call this machine
        self.address = address
        self.connections = set()
        self.lock = threading.Lock()
        self.open()

    def open(self):
        """Starts to listen; after close() on the same port again."""
        self.socket = socket.create_server((self.address, self.port), backlog=128)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.socket,), daemon=True).start()

    @property
    def host(self):
        return f"{self.known_as}:{self.port}"

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://{self.host}"

    def __str__(self):
        return self.url

    def _accept(self, listening):
        while True:
            try:
                conn, address = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn, address), daemon=True).start()

    def _serve(self, conn, address):
        try:
            conn = self.tls.wrap_socket(conn, server_side=True) if self.tls else conn
        except OSError:
            conn.close()
            return
        with self.lock:
            self.connections.add(conn)
        try:
            if not self.closed:
                Handler(conn, address, self)
        except OSError:
            pass
        finally:
            self.let_go(conn)
            conn.close()

    def let_go(self, conn):
        """Leaves the end of a connection to its own thread."""
        with self.lock:
            self.connections.discard(conn)

    @property
    def closed(self):
        return self.socket.fileno() < 0

    def close(self):
        """Refuses new connections and breaks all there are."""
        if self.closed:
            return
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
        finally:
            self.socket.close()
        with self.lock:
            for conn in self.connections:
                abort(conn)


def abort(conn):
    """Breaks a connection another thread is using."""
    try:
        reset_on_close(conn)
        conn.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass    # already gone
