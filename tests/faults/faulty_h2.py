"""HTTP/2 in front of a FaultyRegistry, to be broken frame by frame.

One request at a time, GET and HEAD only: what a pull needs.  Header blocks are
read by nghttp2 (which libcurl brings along) and written without compression.
"""

import ctypes
import http.client
import struct

from faulty_server import Server

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = \
    0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
INITIAL_WINDOW_SIZE = 4
PIECE = 16384
LARGE = 100_000         # of bodies: a layer, and nothing else


class Gone(Exception):
    """This connection is at its end."""


class NameValue(ctypes.Structure):
    """nghttp2_nv"""

    _fields_ = [("name", ctypes.POINTER(ctypes.c_char)), ("value", ctypes.POINTER(ctypes.c_char)),
                ("name_size", ctypes.c_size_t), ("value_size", ctypes.c_size_t),
                ("flags", ctypes.c_uint8)]


class Inflater:
    """Header blocks of one connection, as dictionaries."""

    FINAL, EMIT = 1, 2

    def __init__(self):
        self.library = ctypes.CDLL("libnghttp2.so.14")
        self.library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.state = ctypes.c_void_p()
        self.library.nghttp2_hd_inflate_new(ctypes.byref(self.state))

    def read(self, block):
        fields, pair, flags = {}, NameValue(), ctypes.c_int(0)
        while not flags.value & self.FINAL:
            used = self.library.nghttp2_hd_inflate_hd2(
                self.state, ctypes.byref(pair), ctypes.byref(flags), block,
                ctypes.c_size_t(len(block)), 1)
            if used < 0:
                raise Gone("a header block that cannot be read")
            block = block[used:]
            if flags.value & self.EMIT:
                fields[pair.name[:pair.name_size].decode()] = \
                    pair.value[:pair.value_size].decode("latin-1")
        self.library.nghttp2_hd_inflate_end_headers(self.state)
        return fields

    def close(self):
        self.library.nghttp2_hd_inflate_del(self.state)


def number(value):
    """An integer of HPACK with a prefix of seven bits, its first bit 0."""
    if value < 127:
        return bytes([value])
    out, value = b"\x7f", value - 127
    while value >= 128:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def header_block(fields):
    """Literals that are not to be remembered."""
    return b"".join(b"\0" + number(len(name)) + name.encode() + number(len(value)) + value.encode()
                    for name, value in fields)


class Connection:
    """What a client and we say to each other."""

    def __init__(self, gateway, sock):
        self.gateway = gateway
        self.socket = sock
        self.inflater = Inflater()
        self.room = 65535           # of the connection's window
        self.initial = 65535        # of a stream's
        self.stream_room = {}

    def run(self):
        """Until somebody hangs up."""
        if self.read(len(PREFACE)) != PREFACE:
            raise Gone("no HTTP/2")
        self.send(SETTINGS)
        while True:
            self.take_frame()

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise Gone("hung up")
            data += more
        return data

    def send(self, kind, flags=0, stream=0, payload=b""):
        head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
        self.socket.sendall(head + struct.pack(">I", stream) + payload)

    def take_frame(self):
        """Reads one frame and does what it asks for."""
        head = self.read(9)
        size = int.from_bytes(head[:3], "big")
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
        payload = self.read(size)
        if kind == SETTINGS and not flags & ACK:
            self.take_settings(payload)
        elif kind == PING and not flags & ACK:
            self.send(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            self.widen(stream, int.from_bytes(payload, "big"))
        elif kind == HEADERS:
            self.take_headers(flags, stream, payload)
        elif kind == GOAWAY:
            raise Gone("the client leaves")
        elif kind == RST_STREAM:
            self.stream_room.pop(stream, None)

    def take_settings(self, payload):
        for at in range(0, len(payload), 6):
            key, value = struct.unpack(">HI", payload[at:at + 6])
            if key == INITIAL_WINDOW_SIZE:
                self.initial = value
        self.send(SETTINGS, ACK)

    def widen(self, stream, more):
        if stream:
            self.stream_room[stream] = self.stream_room.get(stream, self.initial) + more
        else:
            self.room += more

    def take_headers(self, flags, stream, payload):
        """A request; its block is in one frame, or the client is none of ours."""
        if flags & PADDED or not flags & END_HEADERS:
            raise Gone("a frame that no client sends")
        fields = self.inflater.read(payload[5:] if flags & PRIORITY else payload)
        self.stream_room.setdefault(stream, self.initial)
        status, headers, body = self.gateway.forward(fields)
        fault = self.gateway.next_fault() if len(body) >= LARGE else None
        if fault:
            fault(self, stream, status, headers, body)
        else:
            self.answer(stream, status, headers, body)

    def answer(self, stream, status, headers, body):
        """All of it, as it should be."""
        self.send_head(stream, status, headers, end=not body)
        self.send_body(stream, body, end=True)

    def send_head(self, stream, status, headers, end=False):
        block = header_block([(":status", str(status)), *headers])
        self.send(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)

    def send_body(self, stream, body, end=False):
        """In pieces, as far as the client's windows are open."""
        while body and stream in self.stream_room:
            size = min(PIECE, len(body), self.room, self.stream_room[stream])
            if size <= 0:
                self.take_frame()
                continue
            self.room -= size
            self.stream_room[stream] -= size
            self.send(DATA, END_STREAM if end and size == len(body) else 0, stream, body[:size])
            body = body[size:]


class H2Gateway(Server):
    """Speaks HTTP/2 over TLS, in front of the registry at a port of this machine."""

    def __init__(self, tls, port, name, faults=(), for_ever=False):
        self.tls = tls
        self.tls.set_alpn_protocols(["h2"])
        self.port = port
        self.name = name
        self.faults = list(faults)
        self.for_ever = for_ever
        self.played = 0

    @property
    def host(self):
        return f"{self.name}:{self.own_port}"

    def next_fault(self):
        """What is due now, or None."""
        if not self.faults:
            return None
        self.played += 1
        return self.faults[0] if self.for_ever else self.faults.pop(0)

    def forward(self, fields):
        """What the registry answers: (status, headers, body)."""
        upstream = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {name: value for name, value in fields.items() if not name.startswith(":")}
        upstream.request(fields[":method"], fields[":path"], headers=headers)
        response = upstream.getresponse()
        body = response.read()
        upstream.close()
        return response.status, [(name.lower(), value) for name, value in response.getheaders()
                                 if name.lower() != "connection"], body

    def serve(self, client):
        """One connection."""
        try:
            with self.tls.wrap_socket(client, server_side=True) as sock:
                connection = Connection(self, sock)
                try:
                    connection.run()
                finally:
                    connection.inflater.close()
        except (Gone, OSError):
            client.close()


# What can go wrong with a layer: fault(connection, stream, status, headers, body)

def goaway(error=0, allowed=False, after=100_000):
    """GOAWAY in the middle; allowed: of what comes next, this stream is still served."""
    def play(connection, stream, status, headers, body):
        connection.send_head(stream, status, headers)
        connection.send_body(stream, body[:after])
        last = stream if allowed else 0
        connection.send(GOAWAY, payload=struct.pack(">II", last, error))
        if not allowed:
            raise Gone("went away")
        connection.send_body(stream, body[after:], end=True)
        connection.socket.unwrap()
        raise Gone("went away")
    return play


def reset_stream(error, after=100_000):
    """RST_STREAM in the middle; after=None: instead of an answer."""
    def play(connection, stream, status, headers, body):
        if after is not None:
            connection.send_head(stream, status, headers)
            connection.send_body(stream, body[:after])
        connection.send(RST_STREAM, stream=stream, payload=struct.pack(">I", error))
        connection.stream_room.pop(stream, None)
    return play


def cut(after=100_000):
    """The connection ends in the middle, without a word."""
    def play(connection, stream, status, headers, body):
        connection.send_head(stream, status, headers)
        connection.send_body(stream, body[:after])
        raise Gone("cut")
    return play


def longer(more=5):
    """More DATA than Content-Length says."""
    def play(connection, stream, status, headers, body):
        connection.answer(stream, status, headers, body + b"\0" * more)
    return play


def shorter(less=5):
    """The stream ends before the length that was told."""
    def play(connection, stream, status, headers, body):
        connection.answer(stream, status, headers, body[:-less])
    return play


def flood(kind, flags=0, payload=b"", first=None, on_stream=False):
    """The same frame without end."""
    def play(connection, stream, _status, _headers, _body):
        if first:
            connection.send(*first, stream)
        while not connection.gateway.stopping.is_set():
            connection.send(kind, flags, stream if on_stream else 0, payload)
        raise Gone("stopping")
    return play


def crowded(lines):
    """A good answer with many header lines."""
    def play(connection, stream, status, headers, body):
        pad = [(f"x-pad-{n}", "a") for n in range(lines)]
        connection.answer(stream, status, headers + pad, body)
    return play


def garbage():
    """Bytes that are no frames."""
    def play(connection, _stream, _status, _headers, _body):
        connection.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
        raise Gone("nonsense")
    return play
