"""Plays the cases of rows.py: a hostile server, ferry, and what came of it.

They wait more than they work, so several are played at once.
"""

import concurrent.futures
import contextlib
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import rows_places
from faulty import FaultyRegistry
from ferry import environment, program
from releases import NO_FAILURE
from mishaps import Bench, is_sanitized, told

AT_ONCE = 6
USER, PASSWORD = "carol", "s3cret:with:colons"


class RowBench(Bench):
    """A Bench that knows what a run took, and may live in a world of other names."""

    def __init__(self, server, folder, places):
        super().__init__(server, folder)
        self.prefix = rows_places.knowing(folder, places)
        self.others = []        # heads of requests that strangers saw
        self.origin = self      # the Bench whose images these are

    def words(self, words):
        known = {"{second}": self.server.second_origin.host,
                 "{token}": self.server.token_origin.host}
        for name, host in known.items():
            words = [word.replace(name, host) for word in words]
        return super().words(words)

    def run(self, *args, env=None, usage="usage", **more):
        usage = self.folder / usage
        began = time.monotonic()
        done = subprocess.run(
            ["/usr/bin/time", "-q", "-f", "%M", "-o", str(usage), *self.prefix, program(),
             *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="surrogateescape", check=False,
            env=environment(self.env(env)), timeout=120)
        done.seconds = time.monotonic() - began
        done.kibibytes = int(usage.read_text().split()[-1])
        return done


@dataclass
class Played:
    """How a case went."""

    case: object
    done: object = None         # the CompletedProcess
    message: str = ""           # what it said about it, without what changes from run to run
    met: int = 0                # how often the fault was met
    requests: int = 0
    seconds: float = 0
    problem: Exception = None   # what was not as it must be

    @property
    def status(self):
        return self.done.returncode if self.done else None


def play(case):
    """One case; never raises but from a bug of its own."""
    played = Played(case)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(FaultyRegistry(
            seed="mishaps", **rows_places.server_settings(case)))
        bench = RowBench(server, folder, case.places)
        bench.stack = stack
        stack.callback(bench.end)
        try:
            rule = prepare(case, bench)
            run(case, bench, played)
            played.requests = len(server.requests)
            played.met = rule.fired if rule else 0
            played.message = normalised(message_of(played.done, bench), bench)
            assert_general(case, bench, played)
            assert rule is None or rule.fired, told(played.done)
            case.check(bench, played.done)
        except Exception as problem:    # pylint: disable=broad-exception-caught
            played.problem = problem
    return played


def prepare(case, bench):
    """The registry as the case wants it."""
    if case.login == "basic":
        bench.server.require_basic(USER, PASSWORD)
    if case.login == "bearer":
        bench.server.require_bearer(user=USER, password=PASSWORD)
    return case.set_up(bench)


def run(case, bench, played):
    """ferry, with credentials that somebody could be after."""
    options = [*case.options, "--authfile", bench.authfile(USER, PASSWORD)] if case.login else \
        list(case.options)
    options += rows_places.options(case)
    began = time.monotonic()
    runner = case.run or (lambda bench, options: bench.pack("app:1", options=options))
    played.done = runner(bench, options)
    played.seconds = time.monotonic() - began


def assert_general(case, bench, played):
    """What holds whatever happens: bounded time, memory and requests, no secret anywhere."""
    text = told(played.done)
    patience = 4 if is_sanitized() else 1
    assert played.seconds < case.seconds * patience, f"{played.seconds:.1f} s\n{text}"
    memory = getattr(played.done, "kibibytes", 0) / 1024
    assert memory < case.mebibytes or is_sanitized(), f"{memory:.0f} MiB\n{text}"
    assert played.requests < case.most, f"{played.requests} requests\n{text}"
    assert PASSWORD not in text
    assert not any(token in text for token in bench.server.tokens.issued)
    assert bench.server.authorization_seen("second") == [], "credentials at another origin"
    assert not [head for head in bench.others if "authorization:" in head.lower()]


# What the table says of it

def message_of(done, bench):
    """The line that says what is wrong with the image, or what was overcome."""
    lines = done.stderr.splitlines()
    name = bench.origin.name("app:1")
    about = [line for line in lines if line.startswith(name + ": ")
             and not line.endswith(NO_FAILURE)]
    final = [line for line in lines if line.startswith("ferry: ")]
    if done.returncode:
        return (about or final or [""])[-1].removeprefix(name + ": ").removeprefix("ferry: ")
    return next((line for line in lines if "trying" in line), "")


CHANGING = [
    (re.compile(r"in \d+\.\d s"), "in N s"),
    (re.compile(r"(after|with) [\d.]+ (B|KiB|MiB)\b"), r"\1 N bytes"),
    (re.compile(r"after \d+ of (\d+) bytes"), r"after N of \1 bytes"),
    (re.compile(r"(sha256:[0-9a-f]{8})[0-9a-f]{56}"), r"\1..."),
    (re.compile(r"/\S*/ferry-rows-[^/]*"), "FOLDER"),
    (re.compile(r"stream \d+"), "stream N"),
    (re.compile(r"127\.0\.0\.1:\d+"), "peer.example"),
    (re.compile(r"(\.test|localhost):\d+"), r"\1"),
]


def normalised(text, bench):
    """The text without what changes from run to run."""
    server = bench.server
    hosts = [(server.host, "registry.example"), (server.main.host, "registry.example"),
             (server.second_origin.host, "storage.example"),
             (server.token_origin.host, "token.example"), (str(bench.folder), "FOLDER"),
             (bench.origin.server.host, "origin.example")]
    for host, name in hosts:
        text = text.replace(host, name)
    for pattern, name in CHANGING:
        text = pattern.sub(name, text)
    return text


def play_all(cases):
    """{case: Played}, several at once, the slow ones first."""
    slow_first = sorted(cases, key=lambda case: -len(case.options) - (case.row == 68))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip((case.name for case in slow_first), pool.map(play, slow_first)))
