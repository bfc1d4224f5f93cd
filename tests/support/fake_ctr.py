"""A ctr that does what no real one can be made to do, and a socket that somebody listens at.

    fake = FakeCtr(folder)          # folder/bin is the PATH that it is found in
    fake.says("images ls", "rubbish")
    fake.state["images"]            # name -> digest of what was imported

The program is this file, copied; what it shall do stands in state.json beside it.
"""

import json
import os
import socket
import stat
import sys
import tarfile
import time
from pathlib import Path

VERSION = "Client:\n  Version:  {0}\n  Revision: x\n\nServer:\n  Version:  {0}\n"


class FakeCtr:
    """What the tests see of it."""

    def __init__(self, folder, program="ctr", version="1.6.20"):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.socket = folder / "c.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen()
        text = Path(__file__).read_text(encoding="utf-8")
        path = self.bin / program
        path.write_text(f"#!{sys.executable} -SE\n{text}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        self._state = self.bin / "state.json"
        self.set(images={}, blobs=[], packed=[], version=version, behave={})

    @property
    def state(self):
        return json.loads(self._state.read_text(encoding="utf-8"))

    def set(self, **values):
        """Change what it shall do, or what it has."""
        old = self.state if self._state.exists() else {}
        self._state.write_text(json.dumps({**old, **values}), encoding="utf-8")

    def does(self, command, *deeds):
        """From now on `command` does these one after the other, instead of what it should."""
        self.set(behave={**self.state["behave"], command: deeds})

    def calls(self):
        """The command lines so far."""
        path = self.bin / "calls"
        return [line.split("\0") for line in path.read_text(encoding="utf-8").splitlines()] \
            if path.exists() else []

    @property
    def environment(self):
        """For ferry: nothing else is in PATH."""
        return {"PATH": self.bin, "CONTAINERD_ADDRESS": self.socket}

    def close(self):
        self._listener.close()


# The program

DEEDS = {}


def deed(function):
    DEEDS[function.__name__] = function
    return function


@deed
def work(state, command, _):
    """What it is for."""
    COMMANDS[command](state)


@deed
def say(_, __, text):
    sys.stdout.buffer.write(text.encode("latin-1"))


@deed
def complain(_, __, text):
    sys.stderr.write(text)


@deed
def flood(_, __, size):
    for _ in range(size >> 16):
        sys.stdout.write("x" * 65535 + "\n")


@deed
def sleep(_, __, seconds):
    sys.stdout.flush()
    time.sleep(seconds)


@deed
def end(state, _, status):
    save(state)
    sys.exit(status)


@deed
def die(_, __, number):
    os.kill(os.getpid(), number)


@deed
def read(_, __, size):
    while size > 0:
        data = os.read(0, min(size, 1 << 16))
        if not data:
            break
        size -= len(data)


@deed
def update(state, _, values):
    state.update(values)


def save(state):
    (Path(sys.argv[0]).resolve().parent / "state.json").write_text(json.dumps(state))


def table(rows):
    """As Go's tabwriter does it."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("".join(cell.ljust(width) + " " for cell, width in zip(row, widths)))


def list_images(state):
    table([["REF", "TYPE", "DIGEST", "SIZE", "PLATFORMS", "LABELS"]] + [
        [name, "index", digest, "1.0 MiB", "linux/amd64", "-"]
        for name, digest in state["images"].items()])


def check_images(state):
    table([["REF", "TYPE", "DIGEST", "STATUS", "SIZE", "UNPACKED"]] + [
        [name, "index", digest, "complete (2/2)", "1.0 MiB/1.0 MiB",
         "false" if name in state["packed"] else "true"]
        for name, digest in state["images"].items()])


def list_names(state):
    for name, digest in state["images"].items():
        print(name, digest)


def list_blobs(state):
    print("\n".join(state["blobs"]))


def take(state):
    """Import the archive on standard input."""
    state["got"] = []
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member).read()
            state["got"].append(member.name)
            if member.name.startswith("blobs/sha256/"):
                digest = "sha256:" + member.name.rpartition("/")[2]
                state["blobs"] = sorted({*state["blobs"], digest})
            elif member.name == "index.json":
                for entry in json.loads(content)["manifests"]:
                    name = entry["annotations"]["io.containerd.image.name"]
                    state["images"][name] = entry["digest"]


COMMANDS = {
    "version": lambda state: print(VERSION.format(state["version"])),
    "images ls": list_images,
    "images check": check_images,
    "images --no-trunc": list_names,
    "content ls": list_blobs,
    "images import": take,
    "load --all-platforms": take,
    "images label": lambda state: None,
}


def main(words):
    folder = Path(sys.argv[0]).resolve().parent
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    with open(folder / "calls", "a", encoding="utf-8") as calls:
        calls.write("\0".join([Path(sys.argv[0]).name, *words]) + "\n")
    while words[0] == "ctr" or words[0].startswith("--"):
        words = words[1:] if words[0] == "ctr" else words[2:]
    command = " ".join(words[:2])
    for name, value in state["behave"].get(command, [["work", None]]):
        DEEDS[name](state, command, value)
    sys.stdout.flush()
    save(state)


if __name__ == "__main__":
    main(sys.argv[1:])
