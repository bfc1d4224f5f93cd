#!/usr/bin/python3
"""Keeps one peer running for a shell script, until it gets a signal.

    up.py registry --port-file FILE [--storage DIR]
    up.py docker --socket-file FILE [--root DIR]

FILE appears once the peer answers; it holds the port, or the path of the socket.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from peers import Docker, PeerError, Registry


def keep_up(peer, path, tell):
    """Run a peer, tell FILE about it, and wait for a signal to end in an orderly way."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit())
    try:
        with peer:
            announce(path, tell(peer))
            while True:
                signal.pause()
    finally:
        path.unlink(missing_ok=True)


def announce(path, value):
    """Write the file in one step: whoever waits for it may read it at once."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(f"{value}\n", encoding="utf-8")
    temporary.replace(path)


def parse_arguments(arguments):
    """The command line as an object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    registry = kinds.add_parser("registry")
    registry.add_argument("--port-file", type=Path, required=True)
    registry.add_argument("--storage", type=Path)
    docker = kinds.add_parser("docker")
    docker.add_argument("--socket-file", type=Path, required=True)
    docker.add_argument("--root", type=Path)
    return parser.parse_args(arguments)


def main(arguments=None):
    """Keep the peer up that the command line names."""
    options = parse_arguments(arguments)
    try:
        if options.kind == "registry":
            keep_up(Registry(options.storage), options.port_file, lambda peer: peer.port)
        else:
            keep_up(Docker(options.root), options.socket_file, lambda peer: peer.socket)
    except PeerError as error:
        sys.exit(f"up.py: {error}")


if __name__ == "__main__":
    main()
