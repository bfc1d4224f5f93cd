#!/usr/bin/python3
"""Measures ferry against what its users would take instead: `make bench`.

Rows come from the modules row_*.py here, each with `rows(world)`. A row that cannot be
run is an error, a goal that is missed is told (and one too with --strict).
"""

import argparse
import importlib
import signal
import sys
from fnmatch import fnmatchcase
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import report
from measure import BenchError, compete
from world import BUILD, World


def modules():
    """The modules that have rows, by name."""
    return [importlib.import_module(path.stem)
            for path in sorted(Path(__file__).parent.glob("row_*.py"))]


def chosen(rows, patterns):
    """The rows that are asked for; asking for one that is not there is an error."""
    for pattern in patterns:
        if not any(fnmatchcase(row.name, pattern) for row in rows):
            raise BenchError(f"no row {pattern}: there are {', '.join(row.name for row in rows)}")
    return [row for row in rows
            if not patterns or any(fnmatchcase(row.name, pattern) for pattern in patterns)]


def measure(world, head, options):
    """Run the rows, telling and writing of each as soon as it is there; return the results."""
    rows = [row for module in modules() for row in module.rows(world)]
    results = []
    for row in chosen(rows, options.rows):
        results.append(compete(row, options.runs))
        print(report.text(results[-1]), flush=True)
        report.write(options.out, head, results)
    return results


def parse_arguments(arguments):
    """The command line as an object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW",
                        help="a row's name, or a pattern (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="of each contender (default 5)")
    parser.add_argument("--out", type=Path, default=BUILD / "report.json",
                        help="the report; the same as Markdown beside it")
    parser.add_argument("--small", action="store_true",
                        help="with the tests' small stack, to try the harness itself")
    parser.add_argument("--strict", action="store_true", help="a missed goal is exit status 1")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Run the benchmark; a failure is one line, not a traceback."""
    options = parse_arguments(arguments)
    # As an exception, so that what is mounted and running goes in an orderly way.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("bench.py: ended by a signal"))
    try:
        with World(options.small) as world:
            head = report.machine(world)
            print("\n".join(head) + "\n", flush=True)
            results = measure(world, head, options)
    except KeyboardInterrupt:
        sys.exit("bench.py: interrupted")
    except BenchError as error:
        sys.exit(f"bench.py: {error}")
    missed = [goal for result in results for goal in result.row.goals if not result.met(goal)]
    print(f"report: {options.out} and {options.out.with_suffix('.md').name}; "
          f"{len(missed)} of {sum(len(result.row.goals) for result in results)} goals missed")
    sys.exit(1 if missed and options.strict else 0)


if __name__ == "__main__":
    main()
