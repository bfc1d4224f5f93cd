"""One measured run of a command, and what a number of runs say together."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile

SAMPLING = 0.05  # seconds between two looks at the disk

# Not our own rusage: a child counts as large as we are until it has become the program.
TIME = ("/usr/bin/time", "-q", "-f", "%U %S %M")


class BenchError(Exception):
    """A run that failed: its time would say nothing."""


@dataclass(frozen=True)
class Sample:
    """What one run cost.

    seconds   by the clock
    cpu       user and system seconds of the command and its children (not of servers)
    memory    bytes resident in the largest of its processes, at the peak
    disk      bytes more in use on the watched file systems than before, at the peak
    wire      bytes that went over the network, where that was counted
    """

    seconds: float
    cpu: float = 0
    memory: int = 0
    disk: int = 0
    wire: int | None = None

    def __add__(self, other):
        """Two steps, one after the other; what the first left stays on the disk."""
        return Sample(self.seconds + other.seconds, self.cpu + other.cpu,
                      max(self.memory, other.memory), max(self.disk, other.disk),
                      None if self.wire is None else self.wire + (other.wire or 0))


class DiskWatch:
    """The most that some file systems hold more than at the beginning.

    Nothing else may write there in the meantime.
    """

    def __init__(self, *folders):
        self._folders = folders
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._before = self._used()
        self.peak = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._note()

    def _look(self):
        while not self._done.wait(SAMPLING):
            self._note()

    def _note(self):
        self.peak = max(self.peak, self._used() - self._before)

    def _used(self):
        systems = {os.stat(folder).st_dev: os.statvfs(folder) for folder in self._folders}
        return sum((system.f_blocks - system.f_bfree) * system.f_frsize
                   for system in systems.values())


def run(*command, watch=(), environment=None, expect=(0,), stdin=None):
    """Run a command to its end; WATCH names folders on the file systems to watch.

    An exit status that is not expected ends the benchmark with what it printed.
    """
    command = [str(part) for part in command]
    with DiskWatch(*watch) as disk, NamedTemporaryFile("r", encoding="ascii") as usage:
        began = time.monotonic()
        done = subprocess.run([*TIME, "-o", usage.name, *command],
                              stdin=stdin or subprocess.DEVNULL, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        seconds = time.monotonic() - began
        user, system, memory = usage.read().split()[-3:]
    if done.returncode not in expect:
        raise BenchError(f"{' '.join(command)}: exit {done.returncode}\n"
                         f"{done.stdout[-3000:].decode(errors='replace')}")
    return Sample(seconds, float(user) + float(system), int(memory) << 10, disk.peak)


def shell(script, *arguments, **options):
    """Run a shell script with $1, $2...; a failure anywhere in it is one of the whole."""
    return run("bash", "-euo", "pipefail", "-c", script, "bench", *arguments, **options)


@dataclass(frozen=True)
class Contender:
    """A way to do the work of a row; run() does it once.

    What run() needs it prepares itself, and removes what it made, both outside the
    sample's time.
    """

    name: str
    run: callable


@dataclass(frozen=True)
class Goal:
    """What ferry is held to: a sum of one kind, as a limit or in relation to a rival.

    what      "seconds", "memory", "disk" or "wire"
    limit     at most so much; times what `against` took, if that is named
    against   the name of another contender of the row; "" for an absolute limit
    """

    what: str
    limit: float
    against: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the report: who does the work, and what is asked of the first."""

    name: str  # to choose it on the command line: "pack"
    title: str
    contenders: tuple
    goals: tuple = ()
    runs: int = 0  # 0: as many as the command line says


@dataclass(frozen=True)
class Result:
    """What the contenders of a row took; name -> samples in the order of the runs."""

    row: Row
    samples: dict

    def middle(self, name, what="seconds"):
        """The median of one kind of a contender's runs."""
        return median(getattr(sample, what) for sample in self.samples[name])

    def spread(self, name):
        """The shortest and the longest time."""
        seconds = [sample.seconds for sample in self.samples[name]]
        return min(seconds), max(seconds)

    def measured(self, goal):
        """What a goal is about: a ratio of medians, or a median."""
        own = self.middle(self.row.contenders[0].name, goal.what)
        return own / self.middle(goal.against, goal.what) if goal.against else own

    def met(self, goal):
        """Whether the goal is reached."""
        return self.measured(goal) <= goal.limit


def compete(row, runs):
    """Run the contenders in turn, A B A B, so that the machine's moods strike them all."""
    samples = {contender.name: [] for contender in row.contenders}
    for _ in range(row.runs or runs):
        for contender in row.contenders:
            os.sync()
            samples[contender.name].append(contender.run())
    return Result(row, samples)


def total_size(folder):
    """The bytes of all files below a folder."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
