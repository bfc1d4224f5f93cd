"""Debian's dockerd, with a containerd and directories of its own."""

import http.client
import json
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

from process import PeerError, Process, run, unmount_below

DOCKERD = "/usr/sbin/dockerd"
ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ("/usr/bin/docker", "docker")
CONTAINERD_CONFIG = """\
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
"""


def newer_dockerd():
    """The dockerd of Debian 13, which Debian 12's libraries and containerd serve as well."""
    folder = ROOT / "build" / "packages" / "trixie-docker.io"
    run(ROOT / "tools" / "fetch-package", "trixie", folder, "docker.io")
    return folder / "usr" / "sbin" / "dockerd"


class Docker:
    """A Docker daemon for root, without networks, apart from any other on the machine."""

    def __init__(self, root=None, options=(), program=DOCKERD, containerd_store=False):
        self.options = options      # of dockerd, besides our own
        self.program = program
        self.containerd_store = containerd_store
        # A socket's path may not be long, and overlay2 wants a disk below it.
        self._temporary = root is None
        self.root = Path(root or tempfile.mkdtemp(prefix="ferry-docker-", dir="/var/tmp"))
        self.socket = self.root / "docker.sock"
        self._processes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start containerd and dockerd and wait until they answer."""
        self.root.mkdir(parents=True, exist_ok=True)
        settings = {"features": {"containerd-snapshotter": True}} if self.containerd_store else {}
        (self.root / "daemon.json").write_text(json.dumps(settings), encoding="utf-8")
        (self.root / "containerd.toml").write_text(CONTAINERD_CONFIG, encoding="utf-8")
        containerd = self.root / "containerd.sock"
        self._run([
            "containerd", "--config", self.root / "containerd.toml", "--address", containerd,
            "--root", self.root / "containerd", "--state", self.root / "containerd-state",
        ], "containerd.log", containerd.exists)
        self._run([
            self.program, "--config-file", self.root / "daemon.json",
            "--data-root", self.root / "data", "--exec-root", self.root / "exec",
            "--pidfile", self.root / "docker.pid", "--host", f"unix://{self.socket}",
            "--containerd", containerd, "--storage-driver",
            "overlayfs" if self.containerd_store else "overlay2",
            "--bridge", "none", "--iptables=false", "--ip-masq=false", *self.options,
        ], "dockerd.log", self.answers)

    def stop(self):
        """Stop both, the daemon first, and leave no mount and no temporary file."""
        while self._processes:
            self._processes.pop().stop()
        unmount_below(self.root)
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def pids(self):
        """The process ids of containerd and dockerd."""
        return [process.pid for process in self._processes]

    def answers(self):
        """True if the daemon answers a ping."""
        try:
            return self.request("GET", "/_ping") == b"OK"
        except OSError:
            return False

    def request(self, method, path, body=None, headers=None):
        """Send a request over the socket; return the body of a good answer."""
        connection = UnixConnection(self.socket)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if answer.status >= 400:
            raise PeerError(f"{method} {path}: {answer.status} {data.decode(errors='replace')}")
        return data

    def api(self, method, path, body=None):
        """Call the API with a JSON document; return the JSON answer, None if it is empty."""
        text = None if body is None else json.dumps(body)
        answer = self.request(method, path, text, {"Content-Type": "application/json"})
        return json.loads(answer) if answer.strip() else None

    def load(self, path):
        """Load an archive; return the daemon's messages."""
        with open(path, "rb") as archive:
            answer = self.request("POST", "/images/load", archive, {
                "Content-Type": "application/x-tar",
                "Content-Length": str(os.path.getsize(path))})
        return [json.loads(line) for line in answer.splitlines()]

    def calls(self):
        """"METHOD PATH" of what was asked; with the option --debug only."""
        log = (self.root / "dockerd.log").read_text(encoding="utf-8", errors="replace")
        return re.findall(r'msg="Calling (\w+ [^"]+)"', log)

    def run(self, image, *command):
        """Run a command in a new container without a network; return what it prints."""
        return self.client("run", "--rm", "--network", "none", image, *command)

    def client(self, *arguments):
        """Run the docker program against this daemon; return what it prints."""
        program = next(filter(None, map(shutil.which, CLIENTS)))
        return run(program, *arguments,
                   environment={**os.environ, "DOCKER_HOST": f"unix://{self.socket}"})

    def _run(self, command, log, ready):
        self._processes.append(Process(command, self.root / log))
        self._processes[-1].wait_until(ready, seconds=60)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("localhost")
        self._path = str(path)

    def connect(self):
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)
