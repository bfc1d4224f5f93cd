"""Debian's tinyproxy on a loopback port, and a tap to see what it is told."""

import shutil
import socket
import ssl
import tempfile
import threading
from pathlib import Path

from process import Process, free_port

CONFIG = """\
Listen 127.0.0.1
Port {port}
LogFile "{folder}/log"
PidFile "{folder}/pid"
LogLevel Connect
MaxClients 100
Allow 127.0.0.1
{more}
"""


class Proxy:
    """A proxy that knows names which nobody else does.

    names   {name: address}, for the proxy alone: it has an /etc/hosts of its own
    user    "USER:PASSWORD" that it asks for
    """

    def __init__(self, names, user=None):
        self._directory = Path(tempfile.mkdtemp(prefix="ferry-proxy-"))
        self.port = free_port()
        more = "BasicAuth " + user.replace(":", " ") if user else ""
        self._config = self._directory / "tinyproxy.conf"
        self._config.write_text(CONFIG.format(port=self.port, folder=self._directory, more=more),
                                encoding="utf-8")
        self._hosts = self._directory / "hosts"
        self._hosts.write_text("".join(f"{address} {name}\n" for name, address in names.items()),
                               encoding="utf-8")
        self._process = None

    def __enter__(self):
        try:
            self._process = Process(
                ["unshare", "-m", "sh", "-c",
                 'mount --bind "$1" /etc/hosts && exec tinyproxy -d -c "$2"', "sh",
                 self._hosts, self._config], self._directory / "output")
            self._process.wait_until(lambda: listens(self.port))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            self._process.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def address(self):
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        """What HTTPS_PROXY is set to."""
        return f"http://{self.address}"

    def requests(self):
        """The request lines it has logged: "CONNECT host:port HTTP/1.1"."""
        lines = (self._directory / "log").read_text(errors="replace").splitlines()
        return [line.rpartition("): ")[2] for line in lines if "Request (" in line]


class Tap:
    """Passes a connection on, and keeps what the client says before it is encrypted.

    tls   a Certificate: the client speaks TLS to it, as to an https:// proxy
    """

    def __init__(self, port, tls=None):
        self._target = ("127.0.0.1", port)
        self._tls = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(tls.certificate, tls.key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.heard = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def heads(self):
        """The head of the first request of each connection, as text."""
        return [bytes(data).partition(b"\r\n\r\n")[0].decode() for data in self.heard]

    def all_heard(self):
        """Everything that clients have said."""
        return b"".join(map(bytes, self.heard))

    def _accept(self):
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            here = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            there = socket.create_connection(self._target)
        except OSError:
            return
        heard = bytearray()
        self.heard.append(heard)
        threading.Thread(target=copy, args=(there, here), daemon=True).start()
        copy(here, there, heard)


def copy(source, target, keep=None):
    """Moves bytes until either side ends."""
    try:
        while data := source.recv(65536):
            if keep is not None:
                keep += data
            target.sendall(data)
    except (OSError, ValueError):
        pass
    for side in (source, target):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def listens(port):
    """True if somebody does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
