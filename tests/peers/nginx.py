"""Debian's nginx on a loopback port: a mirror, a blob store, a rate limiter, HTTP/2."""

import shlex
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from process import Process, free_port

CONFIG = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    log_format seen escape=default '$request_method $request_uri $server_protocol $status '
        '$body_bytes_sent "$http_authorization" "$http_range" $connection';
    access_log {folder}/access.log seen;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=cache:1m;
    {http}
    server {{
        listen 127.0.0.1:{port}{listen};
        {tls}
        {server}
    }}
}}
"""

TLS = "ssl_certificate {certificate}; ssl_certificate_key {key};"


@dataclass(frozen=True)
class Request:
    """A line of the log."""

    method: str
    path: str
    protocol: str
    status: int
    bytes: int
    authorization: str
    range: str
    connection: str


class Nginx:
    """One server, whose directives the caller gives.

    server   directives of the server block, such as pass_to() makes
    http     directives of the http block
    tls      a Certificate: speaks HTTPS
    http2    with TLS: offers HTTP/2
    """

    def __init__(self, server, http="", tls=None, http2=False):
        self._directory = Path(tempfile.mkdtemp(prefix="ferry-nginx-"))
        self.port = free_port()
        self._tls = tls
        listen = (" ssl" if tls else "") + (" http2" if http2 else "")
        certificate = tls and TLS.format(certificate=tls.certificate, key=tls.key)
        self._config = self._directory / "nginx.conf"
        self._config.write_text(CONFIG.format(
            folder=self._directory, port=self.port, listen=listen, tls=certificate or "",
            server=server, http=http), encoding="utf-8")
        self._process = None

    def __enter__(self):
        try:
            self._process = Process(["nginx", "-c", self._config, "-e",
                                     self._directory / "error.log"], self._directory / "output")
            self._process.wait_until(self.answers)
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
        """The address with http:// or https:// before it."""
        return f"{'https' if self._tls else 'http'}://{self.address}"

    def answers(self):
        """True if it listens."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return True
        except OSError:
            return False

    def requests(self):
        """All requests so far that have been answered, as Requests."""
        lines = (self._directory / "access.log").read_text(errors="replace").splitlines()
        rows = [shlex.split(line) for line in lines]
        return [Request(row[0], row[1], row[2], int(row[3]), int(row[4]), unless(row[5]),
                        unless(row[6]), row[7])
                for row in rows if len(row) == 8]

    def authorizations(self):
        """The Authorization headers that ever arrived."""
        return [request.authorization for request in self.requests() if request.authorization]

    def error_log(self):
        """What it complains of."""
        return (self._directory / "error.log").read_text(errors="replace")


def unless(value):
    """What nginx logs for a header that is not there is no value."""
    return "" if value == "-" else value


def pass_to(url, more=""):
    """Directives: all goes on to another server, as it is."""
    return f"""location / {{
        proxy_pass {url};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_ssl_verify off;
        {more}
    }}"""


def serve_blobs(storage_dir, more=""):
    """Directives: the blobs of a registry's storage, as a bucket has them."""
    blobs = f"{storage_dir}/docker/registry/v2/blobs/sha256"
    return f"""location ~ "^/v2/.*/blobs/sha256:([0-9a-f][0-9a-f])([0-9a-f]*)$" {{
        alias {blobs}/$1/$1$2/data;
        default_type application/octet-stream;
        {more}
    }}"""


def send_blobs_to(url):
    """Directives: whoever wants a blob is sent to another place for it."""
    return f"""location ~ ^/v2/.*/blobs/sha256: {{
        return 307 {url}$request_uri;
    }}"""
