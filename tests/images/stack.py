#!/usr/bin/python3
"""The images of a real stack: build them into a cache, push them to a registry.

    stack.py build [--cache DIR] [--traps-only] [--refresh]
    stack.py push  [--cache DIR] --registry HOST:PORT [--only NAME]...
    stack.py list  [--cache DIR]
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
from archive import write_docker_archive
from blobs import BlobStore
from builder import all_blobs, build, load, manifests_of
from push import PushError, push

__all__ = ["BlobStore", "DEFAULT_CACHE", "PushError", "all_blobs", "build", "load",
           "manifests_of", "push", "write_docker_archive"]

DEFAULT_CACHE = Path(__file__).resolve().parents[2] / "build" / "images"


def command_build(options):
    """Build, and tell how long it took and what there is."""
    start = time.monotonic()
    told = build(options.cache, options.traps_only, options.refresh)
    sizes = dict(all_blobs(told))
    print(f"{len(told['images'])} images, {len(sizes)} blobs, "
          f"{sum(sizes.values()) / 1e6:.1f} MB in {time.monotonic() - start:.1f} s")


def command_push(options):
    """Push, and name what was pushed."""
    start = time.monotonic()
    names = push(options.cache, options.registry, options.only)
    print(*names, sep="\n")
    print(f"{len(names)} images in {time.monotonic() - start:.1f} s")


def command_list(options):
    """One line for every tag and platform."""
    for name, image in load(options.cache)["images"].items():
        for platform, manifest in image["platforms"].items():
            size = sum(layer["size"] for layer in manifest["layers"])
            print(f"{name:34} {platform:15} {len(manifest['layers'])} layers {size:>10} bytes")


def parse_arguments(arguments):
    """The command line as an object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in (("build", command_build), ("push", command_push),
                           ("list", command_list)):
        command = commands.add_parser(name, help=function.__doc__)
        command.set_defaults(function=function)
        command.add_argument("--cache", type=Path, default=DEFAULT_CACHE)
        if name == "build":
            command.add_argument("--traps-only", action="store_true")
            command.add_argument("--refresh", action="store_true",
                                 help="look for newer packages")
        if name == "push":
            command.add_argument("--registry", required=True, metavar="HOST:PORT")
            command.add_argument("--only", action="append", default=[], metavar="NAME")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Run one command; a failure is one line, not a traceback."""
    options = parse_arguments(arguments)
    try:
        options.function(options)
    except (OSError, PushError) as error:
        sys.exit(f"stack.py: {error}")


if __name__ == "__main__":
    main()
