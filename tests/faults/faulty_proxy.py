"""A proxy of the tests' own: it tunnels, refuses, or never answers.

It keeps the head of every request that reaches it, to be searched for what
is not for a proxy to know.
"""

import re
import socket
import threading

from faulty_server import Server


class FaultyProxy(Server):
    """On 127.0.0.1; `how` is "tunnel", an HTTP status, "garbage", "silent" or "close"."""

    def __init__(self, target, how="tunnel"):
        self.target = target    # port of 127.0.0.1 that plain HTTP leads to
        self.how = how
        self.heads = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.own_port}"

    def serve(self, client):
        """One connection."""
        with client:
            try:
                head = read_head(client)
                self.heads.append(head)
                self._answer(client, head)
            except OSError:
                pass

    def _answer(self, client, head):
        if self.how == "silent":
            self.stopping.wait(30)
        elif self.how == "garbage":
            client.sendall(b"\x00\x01\x02 who are you?\r\n\r\n")
        elif isinstance(self.how, int):
            client.sendall(b"HTTP/1.1 %d No\r\nProxy-Authenticate: Basic realm=\"give me\"\r\n"
                           b"Content-Length: 0\r\n\r\n" % self.how)
        elif self.how == "tunnel":
            self._tunnel(client, head)

    def _tunnel(self, client, head):
        """Whatever the name is, it is this machine that is meant."""
        connect = re.match(r"CONNECT [^ ]*:(\d+) ", head)
        port = int(connect.group(1)) if connect else self.target
        with socket.create_connection(("127.0.0.1", port)) as server:
            if connect:
                client.sendall(b"HTTP/1.1 200 Go ahead\r\n\r\n")
            else:
                server.sendall(head.encode("latin-1"))
            back = threading.Thread(target=pour, args=(server, client), daemon=True)
            back.start()
            pour(client, server)
            back.join()


def read_head(client):
    """All up to the empty line, not a byte of what follows."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            break
        head += byte
    return head.decode("latin-1")


def pour(source, sink):
    """Everything from one to the other."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
