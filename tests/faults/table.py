#!/usr/bin/env python3
"""The table of hostile registries, with what ferry really did: `make show-faults`.

    table.py [WORD...]       plays the cases whose name has one of the words, and
                             prints them as Markdown, with what this run took
    table.py --write         plays all and writes docs/hostile-registries.md

The document leaves out what changes from run to run; test_rows.py compares it.
"""

import argparse
import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

# pylint: disable=wrong-import-position
from rows import all_cases
from rows_play import play_all

DOCUMENT = HERE.parents[1] / "docs" / "hostile-registries.md"
LONGEST = 160

TITLES = {
    65: "Lengths and framing", 66: "Wrong bytes of the right length", 67: "Bodies without end",
    68: "Servers that stall", 69: "Headers without end", 70: "Interim answers without end",
    71: "Redirects", 72: "Whom credentials are shown to", 73: "Realms of token servers",
    74: "401 again and again", 75: "What token servers answer", 76: "403 or 404",
    77: "429 and Retry-After", 78: "5xx", 79: "Connections that break",
    80: "Ranges that are not those asked for", 81: "Content-Encoding", 82: "What moves or is gone",
    83: "Docker-Content-Digest", 84: "Another content than its type says", 85: "Schema 1",
    86: "Manifests that are no good JSON", 87: "Indexes", 88: "Lists in pages", 89: "TLS",
    90: "Addresses that do not answer", 91: "Pushing", 92: "Proxies", 93: "HTTP/2",
}

INTRODUCTION = """\
# Hostile registries

*Written by `tests/faults/table.py --write`; not to be edited.*

What ferry does when a registry, its token server, its storage, the network or a proxy misbehaves: one line for each
input, as a server of the tests' own played it. The rows' numbers are those of a survey of hostile and broken inputs.
`tests/faults/test_rows.py` plays them all with each run of the tests and holds ferry to this page; `make show-faults`
prints it with the requests, the seconds and the memory that it took, and how often each fault was met.

What holds for every line: it ends within its time (20 s, with waits for retries) and within 64 MiB of memory; nothing
stands under the bundle's name unless it is whole and right; there is one message, which begins with the image; and no credentials reach anybody but the registry and its own token server. *packed* and *loaded*
mean: all of it, right, and nothing else.
"""


def short(text):
    """Of a message that a registry fills, as much as shows what it says."""
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def cell(text):
    """Text that Markdown takes as it is."""
    for sign in "\\|*_<>[]`":
        text = text.replace(sign, "\\" + sign)
    return text


# Which of two ends of a connection notices first that it broke, and how.
BROKEN = re.compile(r"the connection broke( after [^:;]*| without an answer)?(: [A-Z][^;]*)?")
# Whether something was whole by then depends on the others.
KEPT = "; what was pulled stays in "
DIGEST = re.compile(r"sha256:[0-9a-f]{8}\.\.\.")


def steady(played):
    """How it ended, without what depends on who was faster."""
    if played.status == 0:
        return "*loaded*" if played.case.row == 91 else "*packed*"
    if played.case.page:
        return cell(played.case.page)
    text = BROKEN.sub("the connection broke", played.message.partition(KEPT)[0])
    return cell(short(DIGEST.sub("sha256:...", text)))


def line(played):
    """What the document says of a case."""
    return f"| {cell(played.case.input)} | {played.status} | {steady(played)} |"


def measured_line(played):
    """What this run saw."""
    memory = getattr(played.done, "kibibytes", 0) // 1024
    wrong = " **NOT AS IT MUST BE**" if played.problem else ""
    return (f"| {cell(played.case.input)} | {played.met} | {played.status} | "
            f"{cell(short(played.message))} | {played.requests} | {played.seconds:.1f} s | "
            f"{memory} MiB |{wrong}")


def sections(results, columns, to_line):
    """The rows of the survey, each with a heading and a table."""
    for row in sorted({played.case.row for played in results}):
        yield f"\n## {row}. {TITLES[row]}\n"
        yield "| " + " | ".join(columns) + " |"
        yield "| " + " | ".join("---" for _ in columns) + " |"
        yield from (to_line(played) for played in results if played.case.row == row)


COLUMNS = ["input", "exit", "what ferry said"]
MEASURED = ["input", "met", "exit", "what ferry said", "requests", "time", "memory"]


def document(results):
    """The whole page."""
    return "\n".join([INTRODUCTION.rstrip("\n"), *sections(results, COLUMNS, line)]) + "\n"


def play(words):
    """The cases asked for, in their order, and how they went."""
    cases = [case for case in all_cases()
             if not words or any(word in case.name for word in words)]
    results = play_all(cases)
    return [results[case.name] for case in cases]


def main():
    parser = argparse.ArgumentParser(description="The table of hostile registries.")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name}")
    parser.add_argument("word", nargs="*", help="only cases whose name has one of them")
    args = parser.parse_args()
    results = play(args.word)
    wrong = [played for played in results if played.problem]
    for played in wrong:
        print(f"{played.case.name}: {played.problem}", file=sys.stderr)
    if args.write and not args.word:
        with open(str(DOCUMENT) + ".new", "w", encoding="utf-8") as out:
            out.write(document(results))
        os.rename(str(DOCUMENT) + ".new", DOCUMENT)
    else:
        print("\n".join(sections(results, MEASURED, measured_line)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
