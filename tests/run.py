#!/usr/bin/python3
"""Runs the tests and counts them: `make test`.

Unit programs (cmocka), replays of the fuzzers' corpora, the lint that tests
the module order, and the pytest suites; with arguments, only the suites
whose name contains one of them.  The pytest suites wait more than they work,
so they run at the same time.  Ends with "N passed, N failed".
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("FERRY_BUILD", ROOT / "build" / "default"))
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
ENVIRONMENT = dict(
    os.environ,
    FERRY=str(BUILD / "ferry"),
    FERRY_BUILD=str(BUILD),
    PYTHONDONTWRITEBYTECODE="1",
    ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:exitcode=99",
    UBSAN_OPTIONS="print_stacktrace=1:exitcode=99",
)


def run_unit(program):
    """A cmocka program: its own count, or one failure if it did not finish."""
    done = subprocess.run([program], env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True)
    text = done.stdout + done.stderr
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", text))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", text))
    if not passed or (done.returncode and not failed):
        failed = max(failed, 1)
    return passed, failed, text


def run_replay(program):
    """A fuzzer's corpus, replayed: one test."""
    corpus = ROOT / "tests" / "fuzz" / "corpus" / program.name.removesuffix("-replay")
    done = subprocess.run([program, corpus], env=ENVIRONMENT, capture_output=True, text=True)
    good = done.returncode == 0 and any(corpus.iterdir())
    return int(good), int(not good), done.stdout + done.stderr


def run_modules(program):
    """The module order: one test."""
    done = subprocess.run([sys.executable, program], capture_output=True, text=True)
    return int(done.returncode == 0), int(done.returncode != 0), done.stdout + done.stderr


def run_pytest(files):
    """Some files of a pytest suite; what it skips counts as failed, so that nothing hides."""
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch) / "report.xml"
        done = subprocess.run([*PYTEST, f"--junitxml={report}", *files],
                              env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True)
        text = done.stdout + done.stderr
        if not report.exists():
            return 0, 1, text
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    failed = sum(int(suite.get(kind)) for kind in ("failures", "errors", "skipped"))
    passed = max(int(suite.get("tests")) - failed, 0)
    if done.returncode:
        failed = max(failed, 1)
    return passed, failed, text


def quick_suites():
    """What runs one after the other: name, function, argument."""
    for program in sorted((BUILD / "tests" / "unit").glob("test_*")):
        if os.access(program, os.X_OK) and program.suffix == "":
            yield f"unit/{program.name}", run_unit, program
    for program in sorted((BUILD / "tests" / "fuzz").glob("fuzz_*-replay")):
        yield f"fuzz/{program.name}", run_replay, program
    yield "lint/modules", run_modules, ROOT / "tests" / "lint" / "modules.py"


# What mostly daemons work at, or what is measured by the clock, for minutes: with a sanitizer
# in ferry that shows nothing more.
ONCE = {"test_every_way_in.py", "test_every_way_out.py"}


def files_of(folder):
    """The files of a pytest suite that this build is tested with."""
    files = sorted((ROOT / "tests" / folder).glob("test_*.py"))
    return [file for file in files if file.name not in ONCE or BUILD.name == "default"]


def slow_suites():
    """What runs at the same time; the largest folders in parts."""
    folders = [("peers", 3), ("cli", 2), ("faults", 1), ("bench", 1)]
    if "static" in sys.argv[1:]:    # of a file that is built by itself: make test-static
        folders = [("static", 1)]
    for folder, parts in folders:
        files = files_of(folder)
        for part in range(parts):
            name = f"{folder} {part + 1}/{parts}" if parts > 1 else folder
            yield name, run_pytest, files[part::parts]


def run(name, function, argument):
    """Runs one suite, says how it went, and returns what it counted."""
    began = time.monotonic()
    passed, failed, text = function(argument)
    lines = [f"  {'FAIL' if failed else 'ok':4} {name}: {passed} passed, {failed} failed "
             f"({time.monotonic() - began:.1f} s)"]
    if failed:
        lines.insert(0, text)
    print("\n".join(lines), flush=True)
    return passed, failed


def main():
    words = sys.argv[1:]

    def wanted(suites):
        return [suite for suite in suites
                if not words or any(word in suite[0] for word in words)]

    counts = [run(*suite) for suite in wanted(quick_suites())]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        counts += pool.map(lambda suite: run(*suite), wanted(slow_suites()))
    passed, failed = (sum(column) for column in zip(*counts)) if counts else (0, 0)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
