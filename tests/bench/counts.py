"""Instruction counts, compared with the recorded ones.

A measure is held to its narrow limit where all tools that decide it are those of the
record; else only what is grossly more fails.
"""

import ctypes
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

GROSS = 25              # per cent more, with other tools than the recorded
WORTH_RECORDING = 10    # per cent less
COMPILED = ("machine", "valgrind", "compiler")


@dataclass(frozen=True)
class Measure:
    """One number of a Count."""

    title: str
    narrow: int             # per cent more, with the recorded tools
    tools: tuple | None     # those that decide it; None: all


# From run to run, on a busy machine, they differ by 0.2, 0.7 and 0.3 per cent at most.
MEASURES = {
    "own": Measure("ferry", 3, COMPILED),
    "libc": Measure("C library", 5, COMPILED + ("libc",)),
    "all": Measure("all", 3, None),
}


# Tools

def compiler_of(program):
    """"GNU 12 -O2", as the debugging information has it."""
    data = Path(program).read_bytes()
    if found := re.search(rb"GNU C\d+ (\d+)\.[^\0]* (-O\w+)[^\0]*\0", data):
        return f"GNU {found[1].decode()} {found[2].decode()}"
    if found := re.search(rb"clang version (\d+)\.", data):
        return f"clang {found[1].decode()}"
    return "unknown"


def version_of(name, function, result=ctypes.c_char_p, arguments=()):
    """What a shared library says its version is."""
    call = getattr(ctypes.CDLL(name), function)
    call.restype = result
    value = call(*arguments)
    text = value.decode() if isinstance(value, bytes) else str(value)
    return re.search(r"\d[\w.]*", text)[0]


def processor():
    """What valgrind's own follows from: the architecture, and on x86 whether it has AVX2."""
    avx2 = re.search(r"\bavx2\b", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return platform.machine() + (" avx2" if avx2 else "")


def tools_of(program):
    """{what the numbers depend on, beside the source: its version}."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True,
                              check=True).stdout
    return {
        "machine": processor(),
        "valgrind": valgrind.strip().removeprefix("valgrind-"),
        "compiler": compiler_of(program),
        "libc": version_of("libc.so.6", "gnu_get_libc_version"),
        "libcrypto": version_of("libcrypto.so.3", "OpenSSL_version", arguments=(0,)),
        "libcurl": version_of("libcurl.so.4", "curl_version"),
        "libjansson": version_of("libjansson.so.4", "jansson_version_str"),
        "libxxhash": version_of("libxxhash.so.0", "XXH_versionNumber", ctypes.c_uint),
        "libzstd": version_of("libzstd.so.1", "ZSTD_versionString"),
    }


def other_tools(recorded, found):
    """The names of the tools that are not the recorded ones."""
    return sorted(name for name in recorded.keys() | found.keys()
                  if recorded.get(name) != found.get(name))


# Judgement

@dataclass(frozen=True)
class Line:
    """One measure of one scenario."""

    scenario: str
    measure: str
    counted: int | None
    recorded: int | None
    limit: int              # per cent more than recorded
    moved: int = 0          # bytes of blobs

    @property
    def change(self):
        """In per cent of what is recorded."""
        if not self.counted or not self.recorded:
            return None
        return 100 * (self.counted - self.recorded) / self.recorded

    @property
    def failed(self):
        return self.change is None or self.change > self.limit

    @property
    def verdict(self):
        if not self.recorded:
            return "FAILED: not recorded"
        if not self.counted:
            return "FAILED: not counted"
        if self.failed:
            return f"FAILED: more than {self.limit} %"
        return "better: record it" if self.change < -WORTH_RECORDING else "ok"


def limit_of(measure, others):
    """What a measure may be more, in per cent, while the OTHERS are not the recorded tools."""
    held = MEASURES[measure]
    lax = any(held.tools is None or name in held.tools for name in others)
    return GROSS if lax else held.narrow


def judge(record, tools, counted, moved, wanted=()):
    """The Lines of all scenarios that are recorded or counted, or of the wanted ones.

    record   what make_record() made
    counted  {scenario: Count}
    moved    {scenario: bytes of blobs}
    """
    others = other_tools(record["tools"], tools)
    before = record["scenarios"]
    names = [*counted, *(name for name in before if name not in counted)]
    return [Line(name, measure, getattr(counted.get(name), measure, None),
                 before.get(name, {}).get(measure), limit_of(measure, others),
                 moved.get(name, 0))
            for name in names if not wanted or name in wanted for measure in MEASURES]


def make_record(tools, counted):
    """What judge() compares with later."""
    return {"tools": tools,
            "scenarios": {name: asdict(count) for name, count in counted.items()}}


def table(lines):
    """The Lines for people."""
    yield (f"{'scenario':9} {'whose':10} {'instructions':>14} {'a byte':>7} "
           f"{'recorded':>14} {'change':>8}")
    for line in lines:
        first = line.measure == next(iter(MEASURES))
        density = f"{line.counted / line.moved:.2f}" if line.counted and line.moved else ""
        change = "" if line.change is None else f"{line.change:+.2f} %"
        yield (f"{line.scenario if first else '':9} {MEASURES[line.measure].title:10} "
               f"{line.counted or 0:>14,} {density:>7} {line.recorded or 0:>14,} {change:>8}  "
               f"{line.verdict}")
