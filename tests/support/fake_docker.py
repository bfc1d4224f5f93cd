"""A Docker Engine as far as ferry speaks to one; it misbehaves on command.

It takes archives, remembers what is in them by the digest of the configs, and
unpacks nothing.  What it exports are the images of docker_exports.py.
"""

import hashlib
import io
import itertools
import json
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from urllib.parse import parse_qs, unquote, urlsplit

import docker_exports

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"}


class FakeDocker(ThreadingMixIn, UnixStreamServer):
    """Images by ID and by name; `refuse` and `say` are what goes wrong."""

    daemon_threads = True

    def __init__(self, folder, containerd_store=False):
        self.containerd_store = containerd_store
        self.socket_path = folder / "docker.sock"
        self.machine = "elsewhere"      # that it runs on
        self.configs = {}        # ID: config
        self.names = {}          # name: ID
        self.members = set()     # of the last archive
        self.body_size = 0       # of the last request that had a body
        self.requests = []       # "METHOD PATH"
        self.refuse = lambda method, path: None     # or (status, message)
        self.say = []            # before "Loaded image: ..." of a load
        self.dies_at = None      # "METHOD PATH" that is never answered, after that many of them,
        self.dies_after = 0      # or of a load after that many bytes ("body") or lines ("answer")
        self.cannot_unpack = {}  # name: why; of the containerd store
        self.saved = []          # images to be exported
        self.deliver = docker_exports.whole
        self.gone = 0            # exports whose reader went away before the end
        super().__init__(str(self.socket_path), Handler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def die(self):
        """As by kill -9: the file of the socket stays, and nobody listens."""
        self.dies_at = None
        self.shutdown()
        self.server_close()

    def risen(self, folder):
        """Another one with what this one had taken; in a folder of its own."""
        other = FakeDocker(folder, self.containerd_store)
        other.configs, other.names = dict(self.configs), dict(self.names)
        return other

    @property
    def to(self):
        """For --to."""
        return f"docker-daemon:{self.socket_path}"

    def count(self, request):
        """How often METHOD PATH was asked."""
        return sum(seen == request for seen in self.requests)

    def describe(self, name):
        """What GET /images/NAME/json says, or None."""
        saved, _ = self.find(name)
        if saved:
            return saved.describe()
        digest = self.names.get(name, name)
        config = self.configs.get(digest)
        return config and {"Id": digest, "Os": config["os"],
                           "Architecture": config["architecture"],
                           "RootFS": {"Layers": config["rootfs"]["diff_ids"]}}

    def find(self, name):
        """(what NAME, an ID or the beginning of one means, the names it is called by)."""
        tag = name if ":" in name.rpartition("/")[2] else name + ":latest"
        for saved in self.saved:
            if tag in saved.tags:
                return saved, [tag]
        for saved in self.saved:
            if saved.id.startswith((name, "sha256:" + name)):
                return saved, []
        return None, []

    @property
    def exports(self):
        """How many exports have been asked for."""
        return sum(seen.startswith("GET ") and seen.endswith("/get") for seen in self.requests)

    def load(self, archive):
        """Takes an archive; yields what Docker says of it."""
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}
        self.members = set(members)
        yield from self.say
        if self.containerd_store:
            yield from self._load_layout(members)
            return
        for entry in json.loads(members["manifest.json"]):
            config = members[entry["Config"]]
            digest = "sha256:" + hashlib.sha256(config).hexdigest()
            self.configs[digest] = json.loads(config)
            for name in entry["RepoTags"]:
                self.names[name] = digest
                yield {"stream": f"Loaded image: {name}\n"}

    def _load_layout(self, members):
        """As the containerd store does: by the digests of manifests."""
        for entry in json.loads(members["index.json"])["manifests"]:
            document = json.loads(members[blob_path(entry["digest"])])
            for child in document.get("manifests", [])[:1]:
                document = json.loads(members[blob_path(child["digest"])])
            self.configs[entry["digest"]] = json.loads(
                members[blob_path(document["config"]["digest"])])
            if "annotations" in entry:
                name = entry["annotations"]["io.containerd.image.name"]
                self.configs.pop(self.names.get(name), None)     # nobody else calls it by name
                self.names[name] = entry["digest"]
                yield {"stream": f"Loaded image: {name}\n"}
            else:
                name = f"moby-dangling@{entry['digest']}"
                yield {"stream": f"Loaded image ID: {entry['digest']}\n"}
            if name in self.cannot_unpack:
                yield {"stream": f"Error unpacking image {name}: {self.cannot_unpack[name]}\n"}

    def info(self):
        """What GET /info says."""
        store = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
        return {"Name": self.machine, "DockerRootDir": "/",
                **(store if self.containerd_store else {})}


def blob_path(digest):
    """Where a blob stands in an archive."""
    return "blobs/sha256/" + digest.removeprefix("sha256:")


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: FakeDocker

    def log_message(self, *_args):  # pylint: disable=arguments-differ
        """Tests look at `requests`."""

    def do_GET(self):   # pylint: disable=invalid-name
        self._serve(b"")

    def do_DELETE(self):    # pylint: disable=invalid-name
        self._serve(b"")

    def do_POST(self):  # pylint: disable=invalid-name
        size = int(self.headers.get("Content-Length") or 0)
        if self.server.dies_at == "body":
            self.rfile.read(min(size, self.server.dies_after))
            self._die()
            return
        self.server.body_size = size
        self._serve(self.rfile.read(size))

    def _die(self):
        self.server.die()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _serve(self, body):
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.server.requests.append(f"{self.command} {path}")
        if self.server.dies_at == self.server.requests[-1]:
            if not self.server.dies_after:
                self._die()
                return
            self.server.dies_after -= 1
        refusal = self.server.refuse(self.command, path)
        if refusal:
            self.answer(refusal[0], {"message": refusal[1]})
        elif path == "/images/load" and self.server.dies_at == "answer":
            self._answer_and_die(body)
        elif path == "/images/load":
            self.answer(200, *self.server.load(body))
        elif path.endswith("/tag"):
            query = parse_qs(url.query)
            self.server.names[f"{query['repo'][0]}:{query['tag'][0]}"] = path.split("/")[2]
            self.answer(201)
        elif self.command == "DELETE":
            name = path.removeprefix("/images/")
            self.server.configs.pop(self.server.names.pop(name, name), None)
            self.answer(200, [])
        elif path.endswith("/get"):
            self._export(path.removeprefix("/images/").removesuffix("/get"))
        else:
            self._get(path)

    def _answer_and_die(self, body):
        lines = itertools.islice(self.server.load(body), self.server.dies_after)
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        for line in lines:
            self.wfile.write(json.dumps(line).encode() + b"\r\n")
        self._die()

    def _export(self, name):
        saved, tags = self.server.find(name)
        if not saved:
            self.answer(404, {"message": f"No such image: {name}"})
            return
        try:
            self.server.deliver(self, saved.export(tags))
        except OSError:
            self.server.gone += 1
            self.close_connection = True

    def _get(self, path):
        known = {"/_ping": "OK", "/version": VERSION, "/info": self.server.info(),
                 "/images/json": [{"Id": digest} for digest in self.server.configs]}
        found = known.get(path)
        if found is None:
            found = self.server.describe(path.removeprefix("/images/").removesuffix("/json"))
        if found is None:
            self.answer(404, {"message": "no such image"})
        else:
            self.answer(200, found)

    def answer(self, status, *documents):
        """JSON documents, a line each."""
        data = b"".join(json.dumps(document).encode() + b"\r\n" for document in documents)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
