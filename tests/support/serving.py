"""`ferry serve` in the background, and a client that says what exactly it sends."""

import json
import re
import signal
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ferry import environment, program


class Server:
    """A running `ferry serve`; its log is read as it comes."""

    def __init__(self, *bundles, options=(), listen="127.0.0.1:0"):
        command = ["env", "--default-signal=INT,HUP,TERM", program(), "serve",
                   *map(str, bundles), "--listen", listen, "--json", *map(str, options)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                                        errors="surrogateescape", stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment())
        self.lines = []
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        line = self.process.stdout.readline()
        if not line.startswith('{"url"'):
            raise RuntimeError(line + self.end())
        self.document = json.loads(line)
        self.url = self.document["url"]
        parts = urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port

    def read_log(self):
        self.lines.extend(self.process.stderr)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def peak(self):
        """The most memory it ever had, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) << 10

    def connect(self, authority=None, timeout=20):
        """A socket to it, over TLS with an authority to trust."""
        plain = socket.create_connection((self.host, self.port), timeout=timeout)
        if not authority:
            return plain
        context = ssl.create_default_context(cafile=authority)
        return context.wrap_socket(plain, server_hostname="localhost")

    def send(self, data, authority=None):
        """Sends bytes on a connection of their own; all that comes back."""
        with self.connect(authority) as connection:
            connection.sendall(data)
            return read_all(connection)

    def ask(self, path, method="GET", authority=None, **headers):
        """One request; an Answer."""
        return Answer.read(self.send(request(path, method, **headers), authority), method)

    def end(self, number=signal.SIGTERM):
        """Ends it; returns all that it said on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(30)
        self.reader.join(30)
        self.process.stdout.close()
        return "".join(self.lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join(30)
        self.process.stderr.close()


def request(path, method="GET", close=True, **headers):
    """The bytes of a request; If_Range becomes If-Range."""
    headers = {"Host": "ferry.test:5000", **({"Connection": "close"} if close else {}), **headers}
    lines = [f"{method} {path} HTTP/1.1",
             *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "".join(line + "\r\n" for line in [*lines, ""]).encode("latin-1")


def read_all(connection):
    """All bytes until the other side ends it, one way or the other."""
    pieces = []
    try:
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    except (ConnectionError, ssl.SSLError):
        pass
    return b"".join(pieces)


@dataclass
class Answer:
    """An answer to one request, and what came behind it."""

    status: int
    headers: dict
    body: bytes = field(repr=False)
    rest: bytes = field(repr=False, default=b"")

    @classmethod
    def read(cls, data, method="GET"):
        head, blank, body = data.partition(b"\r\n\r\n")
        if not blank:
            raise ValueError(f"no answer: {data[:200]!r}")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip()
                   for name, _, value in (line.partition(":") for line in lines[1:])}
        answer = cls(int(lines[0].split()[1]), headers, body)
        if method == "HEAD" or answer.status == 304:
            answer.body, answer.rest = b"", body
        elif "content-length" in headers:
            length = int(headers["content-length"])
            answer.body, answer.rest = body[:length], body[length:]
        elif headers.get("transfer-encoding") == "chunked":
            answer.body, answer.rest = dechunk(body)
        return answer

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of an error."""
        return self.json["errors"][0]["code"]

    @property
    def whole(self):
        """Whether as many bytes came as were promised."""
        return len(self.body) == int(self.headers["content-length"])


def dechunk(data):
    """The content of a chunked body, and what is behind it."""
    content = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        content, data = content + data[:length], data[length + 2:]
        if not length:
            return content, data
