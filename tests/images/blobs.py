"""A content-addressed store on disk, laid out like the blobs of an OCI layout."""

import hashlib
import json
import os
import tempfile
from pathlib import Path


def digest_of(data):
    """The sha256 digest of some bytes, spelt as registries spell it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def canonical_json(value):
    """JSON bytes that depend on the value alone, so that digests repeat."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def replace_file(path, data):
    """Write a file so that readers see the old content or the new, never half."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temp:
        temp.write(data)
    os.chmod(temp.name, 0o644)
    os.replace(temp.name, path)


class BlobStore:
    """Blobs under ROOT/blobs/sha256, each complete from the moment it has a name."""

    def __init__(self, root):
        self.directory = Path(root) / "blobs" / "sha256"
        self.directory.mkdir(parents=True, exist_ok=True)

    def sweep(self):
        """Remove what an interrupted writer left unnamed; no writer may be at work."""
        for path in self.directory.glob("tmp*"):
            path.unlink()

    def path(self, digest):
        """Where the blob lies, whether or not it is there yet."""
        return self.directory / digest.removeprefix("sha256:")

    def holds(self, digest, size):
        """True if the blob is there with this size."""
        path = self.path(digest)
        return path.is_file() and path.stat().st_size == size

    def read(self, digest):
        """The bytes of one blob."""
        return self.path(digest).read_bytes()

    def add(self, data):
        """Store some bytes and return their digest and size."""
        digest = digest_of(data)
        if not self.holds(digest, len(data)):
            replace_file(self.path(digest), data)
        return {"digest": digest, "size": len(data)}
