"""Releases far larger than most: many images, many blobs, one huge layer; and how it grows.

They come from a registry that makes them up and go to one that forgets them (synthetic.py):
a real registry would take longer than ferry for 20,000 blobs, and its disk longer still.
"""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from tempfile import TemporaryDirectory

from measure import BenchError, Contender, Goal, Row, total_size
from rivals import CURL, written
from row_read import reading_rows
from synthetic import Release, Sink, Source

FLOOR = "curl + sync"
MEMORY = Goal("memory", 64 << 20)
LINE = 1.1  # times a straight line is still one


@dataclass(frozen=True)
class Case:
    """A release to be measured with.

    title  what it is, for people
    group  cases of one group are there at the same time, of others not
    goals  whether the limits of memory and of reading hold for it
    """

    name: str
    title: str
    release: Release
    group: str
    runs: int = 1
    goals: bool = True


def stack_of(images):
    """A release as many: each image has 4 layers of its own and 16 from its family."""
    return Release(images=images, layers=20, shared=0.8, blob_size=64 << 10)


STACKS = {images: Case(f"{images}-images", f"{images:,} images of 20 layers, 80 % shared",
                       stack_of(images), "stacks", runs=3)
          for images in (10, 100, 1000)}
CASES = (
    replace(STACKS[1000], title="1,000 images of 20 layers, 80 % shared: 7,008 blobs"),
    Case("20000-blobs", "1,000 images of 18 layers, each of 1 KiB: 20,000 blobs",
         Release(images=1000, layers=18), "20000", runs=3),
    Case("100000-blobs", "5,000 images of 18 layers, each of 1 KiB: 100,000 blobs",
         Release(images=5000, layers=18), "100000", goals=False),
    Case("20-gib", "one image with one layer of 20 GiB", Release(huge=20 << 30), "20-gib"),
)


class Stage:
    """What the case that is measured needs: its registry, its list, its bundle.

    The next group's takes its place: there is not room for all.
    """

    def __init__(self, world):
        self.world = world
        self._group = None
        self._props = ExitStack()
        self._sources = {}

    def enter(self, case):
        """Clear the stage of another group's."""
        if self._group is None:
            self.world.keep(self._props)
        if case.group != self._group:
            self._props.close()
            self._sources.clear()
            self._group = case.group

    def source(self, case):
        """The registry that has the case's release."""
        self.enter(case)
        if case.name not in self._sources:
            source = Source(case.release, self.world.memory)
            self._sources[case.name] = self._props.enter_context(source)
        return self._sources[case.name]

    def list_file(self, case):
        """The case's images, for `pack -f`."""
        return written(self.world.memory / f"{case.name}.txt", self.source(case).references)

    def bundle(self, case):
        """The case's bundle: what pack has left, or packed now."""
        self.enter(case)
        path = self._place(case)
        if not path.exists():
            with self.world.scratch() as folder:
                made = folder / "release.tar.zst"
                self.world.prepare(self.world.ferry, "pack", "-f", self.list_file(case),
                                   "-o", made, "--quiet")
                self.keep_bundle(case, made)
        return path

    def keep_bundle(self, case, made):
        """Take a bundle of the case, until the next group comes."""
        path = self._place(case)
        if not path.exists():
            self._props.callback(path.unlink)
            made.rename(path)

    def _place(self, case):
        return self.world.folder / f"{case.name}.tar.zst"


def rows(world):
    """Growth first, then each case: the largest one last."""
    stage = Stage(world)
    yield from growth_rows(stage)
    for case in CASES:
        yield from case_rows(stage, case)


def case_rows(stage, case):
    """Everything that is done with a bundle; the floor is of pack only."""
    def row(verb, title, contenders, *goals):
        return Row(f"scale-{case.name}-{verb}", f"{title}: {case.title}", contenders,
                   goals if case.goals else (), case.runs)

    yield row("pack", "packed", (Contender("ferry pack", partial(pack, stage, case)),
                                 Contender(FLOOR, partial(fetch, stage, case))), MEMORY)
    yield row("verify", "proved", (Contender("ferry verify", partial(verify, stage, case)),),
              MEMORY)
    for reading in reading_rows(partial(stage.bundle, case), case.title, stage.world,
                                rivals=False):
        yield replace(reading, name=f"scale-{case.name}-{reading.name}",
                      goals=reading.goals if case.goals else ())
    yield row("load", "loaded", (Contender("ferry load", partial(load, stage, case)),),
              MEMORY)


def growth_rows(stage):
    """Ten times as many images: ten times the time, memory and disk at most."""
    line = 10 * LINE
    few, many = f"{100:,} images", f"{1000:,} images"
    goals = tuple(Goal(what, line, few) for what in ("seconds", "memory"))
    for verb, measured, more in (("pack", pack, (Goal("disk", line, few),)),
                                 ("verify", verify, ()), ("list", read_list, ()),
                                 ("inspect", inspect, ()), ("load", load, ())):
        yield Row(f"scale-growth-{verb}", f"{verb}: {many} against fewer", tuple(
            Contender(f"{case.release.images:,} images", partial(measured, stage, case))
            for case in (STACKS[1000], STACKS[100], STACKS[10])), goals + more, 3)


def pack(stage, case):
    """From the registry that makes it up; `disk` is the bundle."""
    world, list_file = stage.world, stage.list_file(case)
    with world.scratch() as folder:
        made = folder / "release.tar.zst"
        sample = world.run(world.ferry, "pack", "-f", list_file, "-o", made, "--quiet")
        stage.keep_bundle(case, made)
    return sample


def fetch(stage, case):
    """The floor: the same blobs from the same registry into files."""
    world = stage.world
    urls, size = stage.source(case).blobs()
    with world.scratch() as folder:
        gets = written(world.memory / "gets", [
            f'url = "{url}"\noutput = "{folder / str(number)}"'
            for number, url in enumerate(urls)])
        sample = world.shell(f'{CURL} --config "$1"; sync --file-system "$2"', gets, folder)
        found = total_size(folder)
    if found != size:
        raise BenchError(f"curl brought {found} of {size} bytes")
    return sample


def verify(stage, case):
    """Every byte."""
    return run_with(stage, case, "verify")


def read_list(stage, case):
    """The images' names."""
    return run_with(stage, case, "list")


def inspect(stage, case):
    """All that is known."""
    return run_with(stage, case, "inspect")


def load(stage, case):
    """Into an empty registry, which takes all and reads back only manifests."""
    with empty_sink(stage.world) as sink:
        return run_with(stage, case, "load", "--to", sink.address, "--any-host", "--quiet")


def run_with(stage, case, verb, *options):
    """One measured run with the case's bundle."""
    bundle = stage.bundle(case)
    return stage.world.run(stage.world.ferry, verb, bundle, *options)


@contextmanager
def empty_sink(world):
    """A registry that has nothing, and forgets what it gets."""
    with TemporaryDirectory(prefix="sink-", dir=world.memory) as folder, Sink(folder) as sink:
        yield sink
