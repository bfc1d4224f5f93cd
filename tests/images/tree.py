"""Image layers: a tree of files from packages and recipes, written bit for bit the same."""

import hashlib
import io
import os
import re
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path

EPOCH = 1714564800  # 2024-05-01T12:00:00Z, the time of every file and every image
GZIP_LEVEL = 4  # quicker than the 6 that docker push writes

MERGED_INTO_USR = ("bin", "lib", "lib64", "sbin")
UNUSED = re.compile(
    r"usr/share/(doc|doc-base|man|info|locale|lintian|bug|bash-completion|zoneinfo/right)(/|$)"
    r"|usr/lib/[^/]+/gconv(/|$)"
    r"|usr/lib/postgresql/[^/]+/lib/bitcode(/|$)"
    r"|usr/lib/python3/dist-packages/.*/tests(/|$)")


class Tree:
    """Paths and what lies there; the last addition of a path wins."""

    def __init__(self):
        self._entries = {}

    def add_package(self, path):
        """Add the files of a .deb, without those that no image needs."""
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path],
                              stdout=subprocess.PIPE) as unpack:
            with tarfile.open(fileobj=unpack.stdout, mode="r|") as archive:
                for member in archive:
                    self._add_member(archive, member)
        if unpack.returncode:
            raise SystemExit(f"dpkg-deb cannot read {path}")

    def add_file(self, path, data, mode=0o644):
        """Add a file and the directories above it."""
        self._add_parents(path)
        self._put(path, tarfile.REGTYPE, mode, data=data)

    def add_link(self, path, target):
        """Add a symbolic link and the directories above it."""
        self._add_parents(path)
        self._put(path, tarfile.SYMTYPE, 0o777, target=target)

    def add_directory(self, path, mode=0o755):
        """Add a directory and those above it."""
        self._add_parents(path)
        self._put(path, tarfile.DIRTYPE, mode)

    def write_tar(self, out):
        """Write the tree in the order of its paths, nothing in it from this machine."""
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(self._entries):
                info, data = self._entries[path]
                archive.addfile(info, io.BytesIO(data))

    def _add_member(self, archive, member):
        path = inside_usr(member.name)
        if not path or path in MERGED_INTO_USR or UNUSED.match(path):
            return
        if member.islnk():
            self._add_copy(path, inside_usr(member.linkname))
        else:
            data = archive.extractfile(member).read() if member.isreg() else b""
            self._put(path, member.type, member.mode, data=data, target=member.linkname)

    def _add_copy(self, path, original):
        """A hard link becomes a file of its own: its target may sort after it."""
        info, data = self._entries[original]
        self._put(path, info.type, info.mode, data=data, target=info.linkname)

    def _add_parents(self, path):
        for parent in list(Path(path).parents)[-2::-1]:
            if str(parent) not in self._entries:
                self._put(str(parent), tarfile.DIRTYPE, 0o755)

    def _put(self, path, kind, mode, data=b"", target=""):
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.linkname = kind, mode & 0o7777, target
        info.size, info.mtime = len(data), EPOCH
        self._entries[path] = (info, data)


def inside_usr(name):
    """The path below a merged /usr: a directory entry must never replace its links."""
    path = os.path.normpath(name).lstrip("/").removeprefix(".")
    first, slash, _ = path.partition("/")
    return f"usr/{path}" if slash and first in MERGED_INTO_USR else path


class LayerSink:
    """A file-like end of a tar stream that hashes, compresses and stores it."""

    def __init__(self, out, compress):
        self._out, self._compress = out, compress
        self._plain, self._stored = hashlib.sha256(), hashlib.sha256()
        self.size = self.unpacked = 0

    def write(self, data):
        """Take the next piece of the plain tar."""
        self._plain.update(data)
        self.unpacked += len(data)
        self._emit(self._compress.compress(data))

    def finish(self):
        """Flush the compressor; return the layer's digest, diff_id and both sizes."""
        self._emit(self._compress.flush())
        return {"digest": "sha256:" + self._stored.hexdigest(), "size": self.size,
                "diff_id": "sha256:" + self._plain.hexdigest(), "unpacked": self.unpacked}

    def _emit(self, data):
        self._stored.update(data)
        self._out.write(data)
        self.size += len(data)


class PlainTar:
    """The compressor that does not."""

    def compress(self, data):
        """The data as it is."""
        return bytes(data)

    def flush(self):
        """Nothing is held back."""
        return b""


class ZstdTool:
    """The zstd program, fed at once: Python has no zstd of its own."""

    def __init__(self):
        self._data = bytearray()

    def compress(self, data):
        """Keep the data until the end."""
        self._data += data
        return b""

    def flush(self):
        """All data in one frame."""
        return subprocess.run(["zstd", "-q", "-c", "-3"], input=self._data,
                              stdout=subprocess.PIPE, check=True).stdout


def compressor(compression, gzip_level):
    """What compresses a layer; the header of a gzip stream holds neither a name nor a time."""
    if compression == "gzip":
        return zlib.compressobj(gzip_level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return {"none": PlainTar, "zstd": ZstdTool}[compression]()


def store_layer(store, tree, compression="gzip", gzip_level=GZIP_LEVEL):
    """Write a tree as a layer into a blob store; return digest, diff_id and both sizes."""
    with tempfile.NamedTemporaryFile(dir=store.directory, delete=False) as temp:
        sink = LayerSink(temp, compressor(compression, gzip_level))
        tree.write_tar(sink)
        layer = sink.finish()
    os.chmod(temp.name, 0o644)
    os.replace(temp.name, store.path(layer["digest"]))
    return {**layer, "compression": compression}
