"""A man in the middle of HTTP/2: passes frames on, and breaks in where it is told to."""

import socket
import ssl
import struct
import threading

DATA, RST_STREAM, GOAWAY = 0, 3, 7
NO_ERROR, INTERNAL_ERROR = 0, 2


class FrameRelay:
    """Speaks TLS and HTTP/2 on both sides; counts what bodies bring.

    after   so many bytes of bodies come in a connection, then ..
    action  a function of (write, stream) that breaks in; True: the connection
            ends then.  Happens `times` times in all.
    """

    def __init__(self, port, certificate, after, action, times=1):
        self._upstream = ("127.0.0.1", port)
        self._after, self._action, self._left = after, action, times
        self.connections = 0
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(certificate.certificate, certificate.key)
        self._server.set_alpn_protocols(["h2"])
        self._client = ssl.create_default_context(cafile=certificate.authority)
        self._client.set_alpn_protocols(["h2"])
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self):
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            with self._server.wrap_socket(plain, server_side=True) as here, \
                    self._client.wrap_socket(socket.create_connection(self._upstream),
                                             server_hostname="127.0.0.1") as there:
                if here.selected_alpn_protocol() != "h2":
                    return
                self.connections += 1
                up = threading.Thread(target=self._up, args=(here, there), daemon=True)
                up.start()
                self._down(here, there)
                # A close with bytes unread would be a reset, and take back what was sent.
                here.shutdown(socket.SHUT_WR)
                up.join(5)
        except OSError:
            pass

    @staticmethod
    def _up(here, there):
        try:
            while data := here.recv(65536):
                there.sendall(data)
            there.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass

    def _down(self, here, there):
        stream_file = there.makefile("rb")
        seen = 0
        while len(head := stream_file.read(9)) == 9:
            size = int.from_bytes(head[:3], "big")
            kind, stream = head[3], struct.unpack(">I", head[5:])[0]
            body = stream_file.read(size)
            seen += size if kind == DATA else 0
            if kind == DATA and seen >= self._after and self._take():
                if self._action(here.sendall, stream):
                    return
                continue
            here.sendall(head + body)

    def _take(self):
        with self._lock:
            self._left -= 1
            return self._left >= 0


def frame(kind, stream, payload):
    """A frame without flags."""
    return len(payload).to_bytes(3, "big") + bytes([kind, 0]) + struct.pack(">I", stream) + payload


def goaway(error, last=None):
    """The connection ends; of the streams, those up to `last` had been taken."""
    def act(write, stream):
        write(frame(GOAWAY, 0, struct.pack(">II", stream if last is None else last, error)))
        return True
    return act


def reset(error):
    """One stream ends, the connection goes on."""
    def act(write, stream):
        write(frame(RST_STREAM, stream, struct.pack(">I", error)))
        return False
    return act


def cut(write, _stream):
    """A frame's head, none of its body (which would count as content), and no more."""
    write(frame(DATA, 1, bytes(1000))[:9])
    return True
