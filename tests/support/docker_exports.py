"""What `docker save` writes, made without a Docker, and ways to hand it out badly."""

import hashlib
import io
import json
import tarfile
import time
from dataclasses import dataclass, field

AMD64 = {"os": "linux", "architecture": "amd64"}


def sha256(data):
    """The hex digits of the digest."""
    return hashlib.sha256(data).hexdigest()


def layer(seed, size=3000):
    """A layer of one file whose bytes hardly shrink; uncompressed."""
    data = b"".join(hashlib.sha256(f"{seed} {n}".encode()).digest() for n in range(size // 32 + 1))
    return tar({f"{seed}.bin": data[:size]})


def tar(members):
    """A tar archive of {name: bytes}, in that order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@dataclass
class Saved:
    """An image in Docker: layers lowest first, and the names it has there."""

    layers: list
    tags: list = field(default_factory=list)
    platform: dict = field(default_factory=lambda: dict(AMD64))
    order: object = staticmethod(sorted)    # of the layers' folders in an export

    @property
    def config(self):
        """The bytes of the config."""
        return json.dumps({**self.platform, "config": {}, "rootfs": {
            "type": "layers", "diff_ids": ["sha256:" + sha256(data) for data in self.layers],
        }}).encode()

    @property
    def id(self):
        """As Docker's classic store has it."""
        return "sha256:" + sha256(self.config)

    def describe(self):
        """What GET /images/NAME/json says."""
        return {"Id": self.id, "RepoTags": self.tags, "Os": self.platform["os"],
                "Architecture": self.platform["architecture"]}

    def export(self, tags):
        """An archive as Docker before 25 writes it: a folder for each layer, by name."""
        folders = [sha256(f"{n}".encode() + data) for n, data in enumerate(self.layers)]
        config = self.id.removeprefix("sha256:") + ".json"
        members = {}
        for folder in self.order(folders):
            members[f"{folder}/VERSION"] = b"1.0"
            members[f"{folder}/json"] = b"{}"
            members[f"{folder}/layer.tar"] = self.layers[folders.index(folder)]
        members[config] = self.config
        members["manifest.json"] = json.dumps([{
            "Config": config, "RepoTags": tags or None,
            "Layers": [f"{folder}/layer.tar" for folder in folders]}]).encode()
        return tar(members)


# How an export is handed out; each takes the FakeDocker's handler and the archive.


def whole(handler, data):
    """As it should be."""
    begin(handler)
    send(handler, data)
    end(handler)


def slow(pause, size=2000):
    """In small pieces, with a pause behind each."""
    def deliver(handler, data):
        begin(handler)
        for at in range(0, len(data), size):
            send(handler, data[at:at + size])
            time.sleep(pause)
        end(handler)
    return deliver


def cut(share):
    """The connection breaks after a part of it."""
    def deliver(handler, data):
        begin(handler)
        send(handler, data[:int(len(data) * share)])
        handler.close_connection = True
    return deliver


def short(share):
    """A part of it, as if that was all."""
    def deliver(handler, data):
        whole(handler, data[:int(len(data) * share)])
    return deliver


def without_end(handler, data):
    """All but the two blocks of zeros that end an archive, and what follows them."""
    used = len(data.rstrip(b"\0"))
    whole(handler, data[:used + -used % 512])


def broken_off(share, message):
    """A part of it, and then the error that Docker met."""
    def deliver(handler, data):
        error = {"errorDetail": {"message": message}, "error": message}
        whole(handler, data[:int(len(data) * share)] + json.dumps(error).encode() + b"\r\n")
    return deliver


def spoilt(old, new):
    """With other bytes of the same length in it."""
    def deliver(handler, data):
        assert old in data and len(old) == len(new)
        whole(handler, data.replace(old, new))
    return deliver


def endless(handler, data):
    """Zeros without an end behind the archive's."""
    begin(handler)
    send(handler, data)
    try:
        while True:
            send(handler, bytes(1 << 16))
    except OSError:
        handler.close_connection = True


def never(handler, _data):
    """Not a byte, until who asked has gone."""
    handler.connection.settimeout(30)
    handler.connection.recv(1)
    raise ConnectionResetError


def refused(status, message):
    """An error instead."""
    def deliver(handler, _data):
        handler.answer(status, {"message": message})
    return deliver


def in_turn(*ways):
    """Another way each time; the last one goes on."""
    left = list(ways)

    def deliver(handler, data):
        (left.pop(0) if len(left) > 1 else left[0])(handler, data)
    return deliver


def begin(handler):
    """A good answer, chunked as Docker's."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/x-tar")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()


def send(handler, data):
    """One chunk."""
    if data:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def end(handler):
    """The last one."""
    handler.wfile.write(b"0\r\n\r\n")
