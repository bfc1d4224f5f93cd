#!/usr/bin/python3
"""Counts the instructions of the hot paths: `make check-instructions`.

Unlike seconds they do not depend on what else the machine does, so CI can hold ferry to
them.  instructions.json has what they were; `make record-instructions` writes it anew,
after a change that was meant.

    instructions.py                             compare, and fail if one got worse
    instructions.py --record                    write instructions.json
    instructions.py --runs 5 [SCENARIO ...]     how much they differ from run to run
    instructions.py --profiles FOLDER           also keep the profiles, for callgrind_annotate
"""

import argparse
import concurrent.futures
import json
import os
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("bench", "faults", "support")]

import bundles  # noqa: E402
import callgrind  # noqa: E402
import counts  # noqa: E402
from faulty import FaultyRegistry  # noqa: E402
from faulty_images import Layer, digest_of  # noqa: E402

RECORD = Path(__file__).with_suffix(".json")
FERRY = Path(os.environ.get("FERRY", ROOT / "build" / "default" / "ferry")).resolve()
MIB = 1 << 20


# What they work on

def gzip_layer(seed, size):
    """Noise: nobody unpacks it."""
    made = bundles.exact_layer(seed, size)
    return Layer(digest_of(made.data), size, made.diff_id, "gzip", made.data)


def plain_layer(seed, size):
    """Not compressed, and about as compressible as programs are."""
    chance = random.Random(seed)
    words = [chance.randbytes(chance.randint(2, 9)) for _ in range(2000)]
    data = b" ".join(chance.choices(words, k=size // 6))[:size]
    return Layer(digest_of(data), len(data), digest_of(data), "tar", data)


def add_release(registry):
    """Seven images of 28 blobs: 24 MB of gzip in 13 layers, and 1 MiB that is plain."""
    base = gzip_layer("base", 4 * MIB)
    for number in range(6):
        registry.add_image(f"team/app{number}:1", layers=[
            base, gzip_layer(f"large {number}", 3 * MIB),
            gzip_layer(f"small {number}", 100_000 + 100_000 * number)])
    registry.add_image("team/plain:1", layers=[plain_layer("plain", MIB)], layer_kind="tar")
    return [f"{registry.host}/team/{name}:1"
            for name in ("plain", *(f"app{number}" for number in range(6)))]


def add_many(registry):
    """200 images behind indexes."""
    names = [f"many/app{number}:1" for number in range(200)]
    for name in names:
        registry.add_image(name, platforms=("linux/amd64", "linux/arm64"), layers=[100] * 4)
    return [f"{registry.host}/{name}" for name in names]


def write_large(folder):
    """Bundles of 1,000 images and 21,000 small blobs, and of a quarter of them."""
    images = [bundles.image(f"registry.example.com:5000/team{number % 37}/app-{number:04}:1.0",
                            [bundles.exact_layer(f"{number}/{layer}", 40) for layer in range(19)])
              for number in range(1000)]
    (folder / "large").write_bytes(bundles.write(images).data)
    (folder / "quarter").write_bytes(bundles.write(images[:250]).data)


class World:
    """Registries and bundles, all made from seeds."""

    def __init__(self, folder, pool):
        self.folder = folder
        self._large = pool.submit(write_large, folder)
        self.origin = FaultyRegistry(seed="instructions").__enter__()
        self.release = add_release(self.origin)
        self.many = add_many(self.origin)
        callgrind.run([FERRY, "pack", *self.release, "--output", self.bundle])

    @property
    def moved(self):
        """The bytes of the release's blobs, each once."""
        store = self.origin.store
        return sum(len(store.content[digest]) for digest in
                   {digest for name, repo in store.repos.items() if name.startswith("team/")
                    for digest in (*repo.blobs, *repo.manifests)})

    @property
    def bundle(self):
        return self.folder / "release"

    def large(self, name):
        """One of the large bundles; they take a while to make."""
        self._large.result()
        return self.folder / name

    def fresh(self):
        """A path where there is nothing yet."""
        return Path(tempfile.mkdtemp(dir=self.folder)) / "bundle"

    def close(self):
        self.origin.__exit__()


# What is counted: one thread, for what its turns cost is the machine's mood

def pack(world, count):
    return count("pack", *world.release, "--output", world.fresh(), "--jobs", "1")


def verify(world, count):
    return count("verify", world.bundle, "--jobs", "1")


def load(world, count):
    with FaultyRegistry(seed="target") as target:
        return count("load", world.bundle, "--to", f"{target.host}/mirror", "--any-host",
                     "--jobs", "1")


def plan(world, count):
    return count("pack", *world.many, "--output", world.fresh(), "--jobs", "1", "--dry-run")


def inspect(world, count):
    return count("inspect", world.large("quarter"))


def list_images(world, count):
    return count("list", world.large("large"))


# Those that wait for nothing first.
SCENARIOS = {"plan": plan, "pack": pack, "verify": verify, "load": load, "inspect": inspect,
             "list": list_images}
MOVING = ("pack", "verify", "load")


def count_all(names, profiles=None):
    """({scenario: Count}, {scenario: bytes of blobs}), two scenarios at a time."""
    def one(name):
        def count(*arguments):
            return callgrind.count(FERRY, arguments, profiles and profiles / name)
        return SCENARIOS[name](world, count)

    with (tempfile.TemporaryDirectory(prefix="ferry-instructions-") as folder,
          concurrent.futures.ProcessPoolExecutor(1) as maker,
          concurrent.futures.ThreadPoolExecutor(2) as pool):
        world = World(Path(folder), maker)
        try:
            return (dict(zip(names, pool.map(one, names))),
                    {name: world.moved for name in MOVING})
        finally:
            world.close()


# Commands

def read_record():
    """The recorded numbers; without a record everything fails."""
    if not RECORD.exists():
        return counts.make_record({}, {})
    return json.loads(RECORD.read_text(encoding="utf-8"))


def check(names, profiles):
    """The table, and whether one got worse."""
    record = read_record()
    tools = counts.tools_of(FERRY)
    lines = counts.judge(record, tools, *count_all(names or list(SCENARIOS), profiles), names)
    print("\n".join(counts.table(lines)))
    for name in counts.other_tools(record["tools"], tools):
        print(f"{name} is {tools.get(name)}, recorded with {record['tools'].get(name)}: "
              f"where it matters, up to {counts.GROSS} % more is let pass")
    if any(line.verdict.startswith("better") for line in lines):
        print("better than recorded: to keep it so, `make record-instructions`, and commit that")
    if any(line.failed for line in lines):
        print("worse than recorded: find out why (--profiles, callgrind_annotate); "
              "if it is meant, `make record-instructions`")
        return 1
    return 0


def write_record():
    """Writes the numbers of now."""
    counted, _ = count_all(list(SCENARIOS))
    text = json.dumps(counts.make_record(counts.tools_of(FERRY), counted), indent=1)
    RECORD.write_text(text + "\n", encoding="utf-8")
    return 0


def spread(names, runs):
    """The least and the most of several runs."""
    counted = [count_all(names or list(SCENARIOS))[0] for _ in range(runs)]
    for name in counted[0]:
        for measure, held in counts.MEASURES.items():
            numbers = [getattr(count[name], measure) for count in counted]
            least, most = min(numbers), max(numbers)
            print(f"{name:9} {held.title:10} {least:>14,} {most:>14,} "
                  f"{100 * (most - least) / least:6.3f} %")
    return 0


def main():
    parser = argparse.ArgumentParser(description="Counts the instructions of the hot paths.")
    parser.add_argument("names", nargs="*", metavar="SCENARIO",
                        help=", ".join(SCENARIOS) + "; all without")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--runs", type=int, help="say how much so many runs differ")
    parser.add_argument("--profiles", type=Path, help="a folder to keep the profiles in")
    args = parser.parse_args()
    if unknown := set(args.names) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    if args.record and args.names:
        parser.error("all are recorded, or none")
    if args.profiles:
        args.profiles.mkdir(parents=True, exist_ok=True)
    try:
        if args.record:
            return write_record()
        return spread(args.names, args.runs) if args.runs else check(args.names, args.profiles)
    except callgrind.CountError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
