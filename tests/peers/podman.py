"""Podman with directories of its own."""

import json
import shutil
import tempfile
from pathlib import Path

from process import Process, run, unmount_below


class Podman:
    """Podman for root, apart from the machine's own images."""

    def __init__(self, root=None):
        self._temporary = root is None
        self.root = Path(root or tempfile.mkdtemp(prefix="ferry-podman-", dir="/var/tmp"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Leave no mount and no temporary file."""
        unmount_below(self.root)
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    def client(self, *arguments):
        """Run podman on these directories; return what it prints."""
        return run(*self._command(), *arguments)

    def _command(self):
        return ["podman", "--root", self.root / "root", "--runroot", self.root / "run",
                "--tmpdir", self.root / "tmp", "--storage-driver", "overlay",
                "--cgroup-manager", "cgroupfs", "--events-backend", "file"]

    @property
    def socket(self):
        """Where serve() listens."""
        return self.root / "podman.sock"

    def serve(self):
        """Answer as Docker would; returns the Process, which is the caller's to stop."""
        service = Process([*self._command(), "system", "service", "--time=0",
                           f"unix://{self.socket}"], self.root / "service.log")
        service.wait_until(self.socket.exists)
        return service

    def load(self, path):
        """Load an archive; return what podman says."""
        return self.client("load", "-i", path)

    def image_inspect(self, name):
        """What podman knows about an image."""
        return json.loads(self.client("image", "inspect", name))[0]
