#!/usr/bin/python3
"""Runs the tests and counts them: `make test`.

Unit programs (cmocka), replays of the fuzzers' corpora, the lint that tests
the module order, and the pytest suites; with arguments, only the suites
whose name contains one of them.  Ends with "N passed, N failed".
"""

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
SUITES = ["faults", "cli", "peers"]
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
    if done.returncode and not failed:
        failed = 1
    if failed or not passed:
        print(text)
        failed = failed or 1
    return passed, failed


def run_replay(program):
    """A fuzzer's corpus, replayed: one test."""
    corpus = ROOT / "tests" / "fuzz" / "corpus" / program.name.removesuffix("-replay")
    done = subprocess.run([program, corpus], env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode or not any(corpus.iterdir()):
        print(done.stdout + done.stderr)
        return 0, 1
    return 1, 0


def run_modules():
    """The module order: one test."""
    done = subprocess.run([sys.executable, ROOT / "tests" / "lint" / "modules.py"])
    return (0, 1) if done.returncode else (1, 0)


def run_pytest(folder):
    """A pytest suite; what it skips counts as failed, so that nothing hides."""
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch) / "report.xml"
        done = subprocess.run([*PYTEST, f"--junitxml={report}", ROOT / "tests" / folder],
                              env=ENVIRONMENT, cwd=ROOT)
        if not report.exists():
            return 0, 1
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    total = int(suite.get("tests"))
    failed = sum(int(suite.get(kind)) for kind in ("failures", "errors", "skipped"))
    if done.returncode and not failed:
        failed = 1
    return max(total - failed, 0), failed


def suites():
    """All there is to run: name, function, argument."""
    for program in sorted((BUILD / "tests" / "unit").glob("test_*")):
        if os.access(program, os.X_OK) and program.suffix == "":
            yield f"unit/{program.name}", run_unit, program
    for program in sorted((BUILD / "tests" / "fuzz").glob("fuzz_*-replay")):
        yield f"fuzz/{program.name}", run_replay, program
    yield "lint/modules", lambda _: run_modules(), None
    for folder in SUITES:
        yield folder, run_pytest, folder


def main():
    wanted = sys.argv[1:]
    passed = failed = 0
    for name, function, argument in suites():
        if wanted and not any(word in name for word in wanted):
            continue
        began = time.monotonic()
        good, bad = function(argument)
        print(f"  {'FAIL' if bad else 'ok':4} {name}: {good} passed, {bad} failed "
              f"({time.monotonic() - began:.1f} s)", flush=True)
        passed += good
        failed += bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
