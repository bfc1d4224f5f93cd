"""What a person sees: on a terminal, of a pipe, of a file, and when nobody reads."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import faulty_actions as act
import ferry as support
import pytest
from faulty import FaultyRegistry
from job import AMD64, rows, tags_of

ROWS = 30
# What is drawn of running transfers, and of them only.
DRAWING = re.compile(r"\d%|B/s|[\ds] left|\[[#-]+\]| of \d+ images$", re.M)
TOKEN = re.compile(r"\033\[(\d*)([A-Za-z])|(.)", re.S)


class Screen:
    """As much of a terminal as ferry uses: lines, wrapping, up, return, two ways to erase."""

    def __init__(self, columns):
        self.columns, self.lines, self.row, self.column = columns, [""], 0, 0
        self.wrapped, self.unknown = 0, []

    def feed(self, text):
        """Show what a program wrote."""
        for number, command, character in TOKEN.findall(text):
            if command:
                self._command(int(number or 1), command, number)
            else:
                self._character(character)
        return self

    def _command(self, count, command, number):
        if command == "A":
            self.row -= count
            assert self.row >= 0, "moved above the first line"
        elif command == "K":
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif command == "J":
            self._command(1, "K", number)
            del self.lines[self.row + 1:]
        else:
            self.unknown.append(f"{number}{command}")

    def _character(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":  # the terminal's driver has made it a return, too
            self.column = 0
            self._down()
        else:
            if self.column == self.columns:
                self.wrapped += 1
                self.column = 0
                self._down()
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
            self.column += 1

    def _down(self):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")


class Told:
    """What a run of ferry left on a terminal."""

    def __init__(self, text, status, columns):
        self.text, self.status, self.columns = text, status, columns
        self.screen = Screen(columns).feed(text)

    @property
    def drawn(self):
        """The lines that were drawn in place, to be drawn over."""
        return [re.sub(r"\033\[\d*[A-Za-z]|\r", "", line.rpartition("\r\033")[2] or line)
                for line in self.text.split("\n") if "\033[K" in line]

    @property
    def rest(self):
        """What the screen shows at the end, its wrapped lines put together."""
        kept = re.sub(r"\033\[\d*A\r?\033\[J", "", self.text)
        return "\n".join(line for line in kept.replace("\r", "").split("\n")
                         if "\033" not in line)


def on_terminal(*arguments, columns=80, env=None, stdout=None):
    """Run ferry on a terminal of its own (or with another standard output) to its end."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    with subprocess.Popen([support.program(), *map(str, arguments)], stdin=slave,
                          stdout=stdout or slave, stderr=slave, start_new_session=True,
                          env=support.environment({"TERM": "xterm", **(env or {})})) as process:
        os.close(slave)
        text = read_all(master)
    os.close(master)
    return Told(text, process.returncode, columns)


PERCENT = re.compile(r"\d% |\d%$")


def drawn_on_terminal(*arguments, columns):
    """A run that was drawn: on a busy machine one may be over between two drawings."""
    for _ in range(5):
        told = on_terminal(*arguments, columns=columns)
        if any(PERCENT.search(line) for line in told.drawn):
            break
    return told


def read_all(master):
    """All that comes until the terminal's last user has gone."""
    data = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            piece = b""
        if not piece:
            return data.decode().replace("\r\n", "\n")
        data += piece


def packing(source, packed, _):
    """A command line, and the last line of what it says."""
    path = packed.path.parent.parent / "terminal.tar.zst"
    return ["pack", "-f", packed.listing, "-o", path, "--force"], f"{path}: 13 images, "


def loading(source, packed, target):
    """The same for the other direction."""
    return (["load", packed.path, "--to", target.address],
            f"registry {target.address}: 13 of 13 images in place, ")


COMMANDS = pytest.mark.parametrize("command", [packing, loading])


# On a terminal


@COMMANDS
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_transfers_are_drawn_within_the_window(source, packed, target, command, columns):
    told = drawn_on_terminal(*command(source, packed, target)[0], columns=columns)
    assert told.status == 0, told.text
    assert any(PERCENT.search(line) for line in told.drawn), told.text
    assert not any(" 0 of " in line for line in told.drawn), told.text
    assert max(map(len, told.drawn)) < columns
    assert any("#" in line for line in told.drawn) == (columns >= 80)
    assert told.screen.unknown == []


def test_images_that_have_arrived_are_counted(tmp_path):
    """A load's all appear together, at the end; a pack's one by one."""
    with FaultyRegistry() as server:
        server.add_image("small:1", layers=[1000])
        server.add_image("large:1", layers=[200_000])
        server.fault("GET blob", act.trickle(20_000, 0.1), times=None, repo="large")
        told = on_terminal("pack", f"{server.host}/small:1", f"{server.host}/large:1",
                           "-o", tmp_path / "release.tar.zst")
    assert told.status == 0, told.text
    assert any(line.endswith(" 1 of 2 images") for line in told.drawn), told.text


@COMMANDS
def test_what_may_not_have_to_move_is_no_promise(source, packed, target, command):
    """Nobody knows what the target of a load has: again, it has everything."""
    arguments, _ = command(source, packed, target)
    for _ in range(2):
        told = on_terminal(*arguments, columns=200)
        totals = [line for line in told.drawn if re.match(r"[\d.]+ \w+ of ", line)]
        assert bool(totals) or command is loading, told.text
        for line in totals:
            assert (" of at most " in line) == (command is loading), line
            assert " left" not in line or ("left at most" in line) == (command is loading), line


@COMMANDS
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_nothing_of_the_drawing_stays(source, packed, target, command, columns):
    arguments, last = command(source, packed, target)
    told = on_terminal(*arguments, columns=columns)
    shown = "\n".join(told.screen.lines)
    assert not DRAWING.search(shown), shown
    assert (told.screen.column, told.screen.lines[-1]) == (0, "")
    assert shown.replace("\n", "").count("plan: 13 images") == 1
    assert told.text.endswith("\n")
    assert last in told.rest.splitlines()[-1]


def test_what_is_sent_scrolls_above_the_drawing(source, packed, target):
    """Before all images appear together at the end, that is all there is to tell."""
    told = on_terminal(*loading(source, packed, target)[0], columns=200)
    shown = "\n".join(told.screen.lines)
    assert sorted(sent(shown)) == sorted(source.references())
    assert shown.index(": all its blobs are there") < shown.index("PLATFORM")


@COMMANDS
def test_the_closing_table_is_there(source, packed, target, command):
    """Digests are shortened as Docker shortens them; the pipe gets them whole."""
    table = rows(on_terminal(*command(source, packed, target)[0], columns=200).rest)
    for name, digest in source.digests().items():
        if command is loading:
            name = name.replace(source.registry.address, target.address)
        assert digest[:19] in table[name] and digest not in table[name]
        assert AMD64 in table[name]


def test_a_list_that_fits_is_a_table_in_columns(source, packed):
    told = on_terminal("list", packed.path, columns=120)
    assert told.screen.wrapped == 0
    lines = told.rest.splitlines()[:14]
    places = {line.index(AMD64) for line in lines[1:]}
    assert places == {lines[0].index("PLATFORM")}


def test_a_refusal_leaves_a_clean_screen(source, tmp_path):
    told = on_terminal("pack", *source.references(["redis:7-alpine", "trap/arm-only:1"]), "-o",
                       tmp_path / "no")
    assert told.status == 4
    assert told.rest.splitlines()[-1] == \
        "ferry: 1 of 2 images cannot be packed; nothing was pulled"
    assert not DRAWING.search("\n".join(told.screen.lines))


@pytest.mark.parametrize("settings", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}])
@COMMANDS
def test_a_terminal_that_cannot_be_drawn_on(source, packed, target, command, settings):
    """Then there are lines, as without a terminal."""
    told = on_terminal(*command(source, packed, target)[0], env=settings)
    assert told.status == 0
    assert "\033" not in told.text and "\r" not in told.text
    assert len(finished(told.text, source)) == 13


@COMMANDS
def test_quiet_is_silent(source, packed, target, command):
    told = on_terminal(*command(source, packed, target)[0], "--quiet")
    assert (told.status, told.text) == (0, "")


@COMMANDS
def test_the_document_is_alone_on_standard_output(source, packed, target, command, tmp_path):
    with open(tmp_path / "out", "w+", encoding="utf-8") as out:
        told = on_terminal(*command(source, packed, target)[0], "--json", stdout=out)
        out.seek(0)
        document = json.loads(out.read())
    assert told.status == 0
    assert {image["digest"] for image in document["images"]} == set(source.digests().values())
    assert "\033" not in told.text and "plan" not in told.text


def test_progress_and_results_go_apart(source, packed, target, tmp_path):
    """With only standard error on the terminal, the drawing is there and the table is not."""
    with open(tmp_path / "out", "w+", encoding="utf-8") as out:
        told = on_terminal("load", packed.path, "--to", target.address, stdout=out)
        out.seek(0)
        table = out.read()
    assert told.drawn and "PLATFORM" not in told.text
    assert "\033" not in table and "\r" not in table
    assert {cells[2] for name, cells in rows(table).items() if name != "IMAGE"} == \
        set(source.digests().values())


# Without a terminal


def finished(text, source):
    """The lines that tell of one image each, how it ended."""
    return [line for line in text.splitlines()
            if ": " in line and line.partition(": ")[0] in source.digests() and "  " not in line
            and not line.endswith(": all its blobs are there")]


def sent(text):
    """The images of a load that were sent and have yet to get their names."""
    return [line.removesuffix(": all its blobs are there") for line in text.splitlines() if line.endswith(": all its blobs are there")]


@COMMANDS
def test_a_line_for_each_image(source, packed, target, ferry, command):
    done = ferry(*command(source, packed, target)[0])
    assert done.returncode == 0
    lines = finished(done.stderr, source)
    assert {line.partition(": ")[0] for line in lines} == set(source.references())
    assert len(lines) == 13
    names = source.references() if command is loading else []
    assert sorted(sent(done.stderr)) == sorted(names)
    for name in names:
        assert done.stderr.index(f"{name}: all its blobs are there\n") < done.stderr.index(f"{name}: loaded, ")
    assert not set("\033\r") & set(done.stdout + done.stderr)


@COMMANDS
def test_quiet_says_nothing(source, packed, target, ferry, command):
    done = ferry(*command(source, packed, target)[0], "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@COMMANDS
def test_one_document(source, packed, target, ferry, command):
    done = ferry(*command(source, packed, target)[0], "--json")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1 and isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("arguments, status", [
    (["list", "{missing}"], 1),
    (["verify", "{missing}"], 1),
    (["load", "{missing}", "--to", "127.0.0.1:1"], 1),
    (["load", "{bundle}", "--to", "127.0.0.1:1", "--retries", "0"], 1),
    (["load", "{bundle}", "--to", "nonsense"], 2),
    (["pack", "127.0.0.1:1/x:1", "-o", "{missing}", "--retries", "0"], 1),
    (["pack", "UPPER", "-o", "{missing}"], 2),
])
def test_one_document_after_a_failure_too(small_bundle, ferry, tmp_path, arguments, status):
    words = {"missing": tmp_path / "missing", "bundle": small_bundle}
    done = ferry(*[word.format(**words) for word in arguments], "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, sorted(told["error"])) == (status, ["code", "message"])
    assert f"ferry: {told['error']['message']}" in done.stderr


# When nobody reads


def unread(*arguments):
    """Run ferry with a standard output whose reader has gone: status and standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([support.program(), *map(str, arguments)], stdout=writer,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          env=support.environment(), timeout=120, check=False)
    os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["list", "inspect", "verify"])
def test_a_reader_that_leaves_is_no_error(packed, command):
    assert unread(command, packed.path) == (141, "")


def test_head_takes_what_it_wants(packed):
    """The classic: the rest of the output has nowhere to go, and nobody misses it."""
    done = subprocess.run(["bash", "-c", '"$0" inspect "$1" | head -n 1; echo "${PIPESTATUS[0]}"',
                           support.program(), packed.path], capture_output=True, text=True,
                          env=support.environment(), check=False)
    first, status = done.stdout.splitlines()
    assert (first, done.stderr) == ("{", "") and status in ("0", "141")


def test_the_work_is_done_even_if_nobody_reads_of_it(source, packed, target):
    status, said = unread("load", packed.path, "--to", target.address)
    assert status == 141
    assert "ferry: " not in said
    assert tags_of(target) == source.names
