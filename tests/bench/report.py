"""How results are told: as text, as Markdown, as JSON."""

import json
import os
import platform
import re
import subprocess
from dataclasses import asdict

HEADINGS = ("contender", "seconds", "min..max", "to ferry", "cpu s", "memory", "disk", "wire")


def machine(world):
    """What was measured on, in general words, and with what."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    kernel = ".".join(platform.release().split(".")[:2])
    return [f"machine: {os.cpu_count()} cores, {memory / (1 << 30):.0f} GiB of memory, "
            f"{platform.machine()}, Linux {kernel}",
            "versions: " + ", ".join(versions(world.ferry))]


def versions(ferry):
    """NAME VERSION of each program that takes part."""
    yield version("ferry", ferry, "--version")
    yield version("docker-registry", "docker-registry", "--version")
    yield version("skopeo", "skopeo", "--version")
    yield version("dockerd", "/usr/sbin/dockerd", "--version")
    yield version("curl", "curl", "--version")
    yield version("zstd", "zstd", "--version")


def version(name, *command):
    """The first number with a dot in what a program says of itself."""
    try:
        told = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              check=False).stdout
    except OSError:
        return f"{name} (not there)"
    found = re.search(r"\d+\.\d+[\w.+~]*", told)
    return f"{name} {found.group() if found else '?'}"


def size(count):
    """Bytes for people."""
    if count is None:
        return "-"
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} B"


def seconds(count):
    """Seconds for people: three digits that say something."""
    return f"{count:.3f}" if count < 1 else f"{count:.2f}" if count < 10 else f"{count:.1f}"


def wire(result, name):
    """The bytes that went over the network, or None where nobody counted."""
    if any(sample.wire is None for sample in result.samples[name]):
        return None
    return result.middle(name, "wire")


def cells(result):
    """A line of cells for each contender."""
    ours = result.middle(result.row.contenders[0].name)
    for name in result.samples:
        middle = result.middle(name)
        yield (name, seconds(middle), "..".join(map(seconds, result.spread(name))),
               f"{middle / ours:.2f} x", f"{result.middle(name, 'cpu'):.2f}",
               size(result.middle(name, "memory")), size(result.middle(name, "disk")),
               size(wire(result, name)))


def goal_line(result, goal):
    """What was asked, what came out."""
    tell = (lambda value: f"{value:.2f}") if goal.against else units(goal.what)
    asked = f"{tell(goal.limit)} x {goal.against}" if goal.against else tell(goal.limit)
    verdict = "met" if result.met(goal) else "MISSED"
    return f"goal: {goal.what} <= {asked}: {tell(result.measured(goal))} {verdict}"


def units(what):
    """How a sum of a kind is written."""
    return (lambda value: f"{seconds(value)} s") if what in ("seconds", "cpu") else size


def text(result):
    """A row as it is printed while the benchmark goes on."""
    table = [HEADINGS, *cells(result)]
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = ["  " + "  ".join([line[0].ljust(widths[0]),
                               *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))])
             for line in table]
    goals = ["  " + goal_line(result, goal) for goal in result.row.goals]
    return "\n".join([f"{result.row.name}: {result.row.title}", *lines, *goals, ""])


def markdown(head, results):
    """All rows as a page."""
    lines = ["# ferry, measured", "", *(f"- {line}" for line in head), ""]
    for result in results:
        lines += [f"## {result.row.name}: {result.row.title}", "",
                  "| " + " | ".join(HEADINGS) + " |",
                  "| --- |" + " ---: |" * (len(HEADINGS) - 1),
                  *("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |"
                    for line in cells(result)), ""]
        goals = [f"- {goal_line(result, goal)}" for goal in result.row.goals]
        lines += [*goals, ""] if goals else []
    return "\n".join(lines)


def document(head, results):
    """All that was measured, for programs."""
    return {"head": head, "rows": [row_document(result) for result in results]}


def row_document(result):
    """One row for programs: every sample, the medians, the goals."""
    return {
        "name": result.row.name, "title": result.row.title,
        "contenders": [{"name": name, "seconds": result.middle(name),
                        "spread": result.spread(name),
                        "samples": [asdict(sample) for sample in samples]}
                       for name, samples in result.samples.items()],
        "goals": [{**asdict(goal), "measured": result.measured(goal), "met": result.met(goal)}
                  for goal in result.row.goals]}


def write(path, head, results):
    """Write the report as JSON, and as Markdown beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(head, results), indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(markdown(head, results), encoding="utf-8")
