"""A Docker Engine as far as `ferry load` speaks to one; it misbehaves on command.

It takes archives, remembers what is in them by the digest of the configs, and
unpacks nothing.
"""

import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from urllib.parse import parse_qs, unquote, urlsplit

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"}


class FakeDocker(ThreadingMixIn, UnixStreamServer):
    """Images by ID and by name; `refuse` and `say` are what goes wrong."""

    daemon_threads = True

    def __init__(self, folder):
        self.socket_path = folder / "docker.sock"
        self.configs = {}        # ID: config
        self.names = {}          # name: ID
        self.members = set()     # of the last archive
        self.requests = []       # "METHOD PATH"
        self.refuse = lambda method, path: None     # or (status, message)
        self.say = []            # before "Loaded image: ..." of a load
        super().__init__(str(self.socket_path), Handler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def to(self):
        """For --to."""
        return f"docker-daemon:{self.socket_path}"

    def count(self, request):
        """How often METHOD PATH was asked."""
        return sum(seen == request for seen in self.requests)

    def describe(self, name):
        """What GET /images/NAME/json says, or None."""
        digest = self.names.get(name, name)
        config = self.configs.get(digest)
        return config and {"Id": digest, "Os": config["os"],
                           "Architecture": config["architecture"],
                           "RootFS": {"Layers": config["rootfs"]["diff_ids"]}}

    def load(self, archive):
        """Takes an archive; yields what Docker says of it."""
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}
        self.members = set(members)
        yield from self.say
        for entry in json.loads(members["manifest.json"]):
            config = members[entry["Config"]]
            digest = "sha256:" + hashlib.sha256(config).hexdigest()
            self.configs[digest] = json.loads(config)
            for name in entry["RepoTags"]:
                self.names[name] = digest
                yield {"stream": f"Loaded image: {name}\n"}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: FakeDocker

    def log_message(self, *_args):  # pylint: disable=arguments-differ
        """Tests look at `requests`."""

    def do_GET(self):   # pylint: disable=invalid-name
        self._serve(b"")

    def do_POST(self):  # pylint: disable=invalid-name
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _serve(self, body):
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.server.requests.append(f"{self.command} {path}")
        refusal = self.server.refuse(self.command, path)
        if refusal:
            self._answer(refusal[0], {"message": refusal[1]})
        elif path == "/images/load":
            self._answer(200, *self.server.load(body))
        elif path.endswith("/tag"):
            query = parse_qs(url.query)
            self.server.names[f"{query['repo'][0]}:{query['tag'][0]}"] = path.split("/")[2]
            self._answer(201)
        else:
            self._get(path)

    def _get(self, path):
        known = {"/_ping": "OK", "/version": VERSION, "/info": {},
                 "/images/json": [{"Id": digest} for digest in self.server.configs]}
        found = known.get(path)
        if found is None:
            found = self.server.describe(path.removeprefix("/images/").removesuffix("/json"))
        if found is None:
            self._answer(404, {"message": "no such image"})
        else:
            self._answer(200, found)

    def _answer(self, status, *documents):
        data = b"".join(json.dumps(document).encode() + b"\r\n" for document in documents)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
