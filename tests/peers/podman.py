"""Podman with directories of its own, for root or for somebody else."""

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path

from docker import UnixConnection
from process import PeerError, Process, run, unmount_below

# Of no account on the machine.
USER = 64242
SUBORDINATE = 700_000_000


class Podman:
    """Podman for root, apart from the machine's own images."""

    driver = "overlay"

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

    def command(self):
        """podman itself, with its directories."""
        return ["podman", "--root", self.root / "root", "--runroot", self.root / "run",
                "--tmpdir", self.root / "tmp", "--storage-driver", self.driver,
                "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "runc"]

    def user(self, *command):
        """COMMAND as whose podman it is."""
        return list(command)

    def _command(self):
        # What it copies there stays when it is killed.
        spool = self.root / "tmp"
        spool.mkdir(exist_ok=True)
        return self.user("env", f"TMPDIR={spool}", *self.command())

    @property
    def socket(self):
        """Where serve() listens."""
        return self.root / "podman.sock"

    def serve(self):
        """Answer as Docker would; returns the Process, which is the caller's to stop."""
        self.socket.unlink(missing_ok=True)
        service = Process([*self._command(), "system", "service", "--time=0",
                           f"unix://{self.socket}"], self.root / "service.log")
        service.wait_until(self.socket.exists)
        return service

    def program(self):
        """A folder for PATH, with a podman in it that knows its directories."""
        folder = self.root / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "podman"
        real = shutil.which("podman")
        options = " ".join(f"'{part}'" for part in self.command()[1:])
        script.write_text(f"#!/bin/sh\nexport TMPDIR='{self.root / 'tmp'}'\nexec {real} {options} \"$@\"\n", encoding="utf-8")
        script.chmod(0o755)
        return folder

    def load(self, path):
        """Load an archive; return what podman says."""
        return self.client("load", "-i", path)

    def image_inspect(self, name):
        """What podman knows about an image."""
        return json.loads(self.client("image", "inspect", name))[0]

    def api(self, method, path):
        """Ask the service; return its JSON answer."""
        connection = UnixConnection(self.socket)
        connection.request(method, f"/v4.0.0/libpod{path}")
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if answer.status >= 400:
            raise PeerError(f"{method} {path}: {answer.status} {data.decode(errors='replace')}")
        return json.loads(data) if data.strip() else None

    def shown(self, name):
        """What the service knows about an image."""
        return self.api("GET", f"/images/{name}/json")

    def names(self):
        """All names that images have."""
        return {name for image in self.api("GET", "/images/json")
                for name in image.get("Names") or []}

    def forget_all(self):
        """Remove all images."""
        self.api("DELETE", "/images/remove?all=true&force=true")

    def run(self, image, *command):
        """Run a command in a new container; return what it prints.

        The limits are below what any machine allows, and there is no network to set up.
        """
        return self.client("run", "--rm", "--network", "host", "--ulimit", "nofile=1024:1024",
                           "--ulimit", "nproc=100:100", image, *command)


class UserPodman(Podman):
    """Podman for somebody who is not root, with a range of subordinate ids."""

    def __init__(self):
        super().__init__()
        self.root.chmod(0o755)
        for name in ("home", "runtime", "root", "run", "tmp"):
            (self.root / name).mkdir(mode=0o700)
            os.chown(self.root / name, USER, USER)
        os.chown(self.root, USER, USER)
        (self.root / "ids").write_text(f"{USER}:{SUBORDINATE}:65536\n", encoding="utf-8")
        self._choose_driver()

    def _choose_driver(self):
        """Not every kernel lets a user mount an overlay; without one, layers are copied."""
        try:
            self.client("info")
        except PeerError:
            self.driver = "vfs"
            self.client("info")

    def user(self, *command):
        """COMMAND as that user; only it sees the user's subordinate ids."""
        ids = self.root / "ids"
        prepare = (f"mount --bind {ids} /etc/subuid && mount --bind {ids} /etc/subgid && "
                   f"cd {self.root} && exec \"$@\"")
        return ["unshare", "--mount", "sh", "-c", prepare, "sh",
                "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
                "env", f"HOME={self.root / 'home'}", f"XDG_RUNTIME_DIR={self.root / 'runtime'}",
                *command]

    def stop(self):
        """The process that keeps the user's namespace ends last."""
        for file in self.root.rglob("pause.pid"):
            try:
                os.kill(int(file.read_text(encoding="utf-8")), signal.SIGKILL)
            except (OSError, ValueError):
                pass
        super().stop()
