"""Counts the instructions that a program executes, by the object whose code they are.

Valgrind shows a program the same processor (a Haswell, without SHA extensions) on every
machine that has AVX2.  So libraries that choose their code by the processor, as OpenSSL,
libzstd and the C library do, choose the same everywhere.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

COMMAND = ("valgrind", "--tool=callgrind", "--quiet", "--compress-strings=no",
           "--compress-pos=no")
COST = re.compile(r"\d+ (\d+)$")


class CountError(Exception):
    """A run that was not what is to be counted."""


@dataclass(frozen=True)
class Count:
    """Instructions of one run.

    own     the program's
    libc    the C library's: what it was asked to copy, allocate and format
    all     these, the other libraries', and the loader's
    """

    own: int
    libc: int
    all: int


def environment():
    """As little as possible: who reads it may do something else, and takes instructions."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C"}


def by_object(lines):
    """{object: instructions} of a profile, each where it was executed."""
    counts, current, is_call = {}, None, False
    for line in lines:
        if line.startswith("ob="):
            current = line[3:].strip()
        elif line.startswith("calls="):
            is_call = True      # the next line has what the callee took
        elif found := COST.match(line):
            if not is_call:
                counts[current] = counts.get(current, 0) + int(found[1])
            is_call = False
    return counts


def sum_up(counts, program):
    """The Count of a profile by object."""
    libc = sum(number for name, number in counts.items()
               if Path(name).name.startswith("libc.so"))
    own = counts.get(str(Path(program).resolve()), 0)
    if not own or not libc:
        raise CountError(f"callgrind saw no code of {program}, or none of the C library")
    return Count(own, libc, sum(counts.values()))


def run(command):
    """Run a command to its good end."""
    done = subprocess.run([str(part) for part in command], env=environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise CountError(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                         f"{done.stderr[-2000:].decode(errors='replace')}")


def count(program, arguments, profile=None):
    """Run the program to its end under callgrind; PROFILE keeps what it wrote."""
    with NamedTemporaryFile("r", encoding="utf-8", prefix="ferry-callgrind-") as out:
        run([*COMMAND, f"--callgrind-out-file={out.name}", program, *arguments])
        text = out.read()
    if profile:
        Path(profile).write_text(text, encoding="utf-8")
    return sum_up(by_object(text.splitlines()), program)
