"""Debian's containerd by itself, with directories of its own; asked through ctr."""

import os
import shutil
import tempfile
from pathlib import Path

from process import PeerError, Process, run, unmount_below

CONFIG = """\
version = 2
root = "{root}/root"
state = "{root}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
address = "{root}/c.sock"
"""


class Containerd:
    """A containerd for root, apart from any other on the machine."""

    def __init__(self, root=None):
        # A socket's path may not be long, and overlayfs wants a disk below it.
        self._temporary = root is None
        self.root = Path(root or tempfile.mkdtemp(prefix="ferry-ctd-", dir="/var/tmp"))
        self.socket = self.root / "c.sock"
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def settings(self):
        """The variables that lead ferry and ctr here."""
        return {"CONTAINERD_ADDRESS": str(self.socket)}

    def start(self):
        """Start it, again after a death too, and wait until it answers."""
        self.root.mkdir(parents=True, exist_ok=True)
        config = self.root / "config.toml"
        config.write_text(CONFIG.format(root=self.root), encoding="utf-8")
        self.process = Process(["containerd", "--config", config], self.root / "log")
        self.process.wait_until(self.answers)

    def stop(self):
        """Stop it, and leave no mount and no temporary file."""
        if self.process:
            self.process.stop()
        unmount_below(self.root)
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    def answers(self):
        """True if it answers ctr."""
        try:
            return self.socket.exists() and bool(self.ctr("default", "version"))
        except PeerError:
            return False

    def ctr(self, namespace, *arguments):
        """Run ctr against it; return what it prints."""
        return run("ctr", "--connect-timeout", "2s", "-a", self.socket, "-n", namespace, *arguments,
                   environment={**os.environ, "CONTAINERD_SNAPSHOTTER": ""})

    def images(self, namespace):
        """Name -> digest of what it shows."""
        lines = self.ctr(namespace, "images", "ls").splitlines()[1:]
        return {cells[0]: cells[2] for cells in map(str.split, lines)}

    def labels(self, namespace, name):
        """The labels of an image, as one text."""
        (line,) = [line for line in self.ctr(namespace, "images", "ls").splitlines()
                   if line.startswith(f"{name} ")]
        return line.split()[-1]

    def ready(self, namespace):
        """The names of which all is there for this machine, unpacked too."""
        lines = self.ctr(namespace, "images", "check").splitlines()[1:]
        return [line.split()[0] for line in lines
                if " complete " in line and line.split()[-1] == "true"]

    def blobs(self, namespace):
        """The digests of what is in its content store."""
        return set(self.ctr(namespace, "content", "ls", "-q").split())

    def content(self, namespace, digest):
        """A blob, as text."""
        return self.ctr(namespace, "content", "get", digest)

    def arriving(self):
        """Bytes of what is being written into its content store, of all namespaces."""
        store = self.root / "root" / "io.containerd.content.v1.content"
        total = 0
        for path in [*store.glob("ingest/*/data"), *store.glob("blobs/sha256/*")]:
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                pass
        return total
