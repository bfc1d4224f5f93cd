#!/usr/bin/python3
"""The corpus of the benchmarks: the 13 images of the stack at their real size.

    corpus.py build [--cache DIR] [--refresh]
    corpus.py push  [--cache DIR] --registry HOST:PORT
    corpus.py list  [--cache DIR]

Built from Debian's packages by the machinery of tests/images, which says how; what is in
the images is in corpus_recipes.py: 0.8 GB of gzip layers, 2.6 GB unpacked, amd64 only. A
first build fetches half a gigabyte of packages; a finished corpus is used as it is.

For other scripts: build(), NAMES and DEFAULT_CACHE, and stack.load() and stack.push().
"""

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "images")]

# pylint: disable=wrong-import-position
import stack
from corpus_recipes import CORPUS

DEFAULT_CACHE = HERE.parents[1] / "build" / "bench" / "corpus"
NAMES = [image.name for image in CORPUS.images]


def build(cache=DEFAULT_CACHE, refresh=False):
    """Make the cache hold the corpus; return the content of its stack.json."""
    return stack.build(cache, refresh=refresh, stack=CORPUS)


def layers_of(image):
    """The layers of one image, bottom first."""
    return image["platforms"]["linux/amd64"]["layers"]


def measure(told):
    """What there is of a corpus: counts and bytes, of layers those that differ."""
    layers = [layer for image in told["images"].values() for layer in layers_of(image)]
    unique = {layer["digest"]: layer for layer in layers}.values()
    return {"images": len(told["images"]), "layers": len(layers), "unique layers": len(unique),
            "unique blobs": len(dict(stack.all_blobs(told))),
            "bytes of gzip layers": sum(layer["size"] for layer in unique),
            "bytes unpacked": sum(layer["unpacked"] for layer in unique)}


def command_build(options):
    """Build, and tell what there is and how long it took."""
    start = time.monotonic()
    for what, number in measure(build(options.cache, options.refresh)).items():
        print(f"{number:>14,} {what}")
    print(f"{time.monotonic() - start:>14.1f} s")


def command_push(options):
    """Push all images."""
    start = time.monotonic()
    names = stack.push(options.cache, options.registry)
    print(f"{len(names)} images in {time.monotonic() - start:.1f} s")


def command_list(options):
    """One line for every image."""
    for name, image in stack.load(options.cache)["images"].items():
        layers = layers_of(image)
        print(f"{name:34} {len(layers):>2} layers {sum(layer['size'] for layer in layers):>13,} "
              f"bytes {sum(layer['unpacked'] for layer in layers):>13,} unpacked")


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
            command.add_argument("--refresh", action="store_true",
                                 help="look for newer packages")
        if name == "push":
            command.add_argument("--registry", required=True, metavar="HOST:PORT")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Run one command; a failure is one line, not a traceback."""
    options = parse_arguments(arguments)
    try:
        options.function(options)
    except (OSError, stack.PushError) as error:
        sys.exit(f"corpus.py: {error}")


if __name__ == "__main__":
    main()
