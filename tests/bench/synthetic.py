"""Registries of any size, for the rows about scale: `with Source(release) as source`.

The source makes its content from a seed (synthetic_content.py), the sink takes what is
pushed and forgets its bytes. Both are programs of their own (synthetic_server.py), so
that their time and memory are not the measured command's.
"""

import json
import sys
import urllib.request
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "peers"))

# pylint: disable=wrong-import-position
from process import Process, free_port  # noqa: E402
from synthetic_content import Release, to_json  # noqa: E402

__all__ = ["Release", "Sink", "Source"]

START = 600  # seconds: a layer of 20 GiB is hashed once


class Server:
    """A registry of synthetic_server.py; FOLDER has its log."""

    def __init__(self, kind, argument, folder):
        self.port = free_port()
        self._command = [sys.executable, Path(__file__).with_name("synthetic_server.py"),
                         kind, argument, self.port]
        self._log = Path(folder) / f"{kind}-{self.port}.log"
        self._process = None

    def __enter__(self):
        self._process = Process(self._command, self._log)
        try:
            self._process.wait_until(self._answers, START)
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._log.unlink(missing_ok=True)

    @property
    def address(self):
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def _answers(self):
        try:
            return bool(self.get("/v2/"))
        except OSError:
            return False

    def get(self, path):
        """The body of an answer."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as reply:
            return reply.read()


class Source(Server):
    """A registry that has a release."""

    def __init__(self, release, folder):
        super().__init__("source", to_json(release), folder)
        self.release = release

    @property
    def references(self):
        """What the images are called here."""
        return [f"{self.address}/{name}" for name in self.release.names()]

    def blobs(self):
        """The URLs of all blobs, manifests and configs too, each once; and their bytes."""
        told = json.loads(self.get("/blobs"))
        return [f"http://{self.address}{path}" for path in told["paths"]], told["bytes"]


class Sink(Server):
    """A registry that has nothing yet; in FOLDER, on a tmpfs, it remembers what it took."""

    def __init__(self, folder):
        super().__init__("sink", str(folder), folder)
