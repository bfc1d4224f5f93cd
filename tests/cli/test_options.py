"""The command line by itself: options, help, manual, and how errors are told.

Nothing here needs a bundle, a registry or a runtime.
"""

import json
import os
import re
import signal
import subprocess

import pytest

from ferry import ROOT, environment, program

COMMANDS = ["pack", "load", "verify", "list", "inspect", "diff", "map", "serve", "host"]
NEED_BUNDLE = ["load", "verify", "list", "inspect"]
VERSION = re.search(r'FERRY_VERSION "(.*)"',
                    (ROOT / "include" / "ferry" / "ferry.h").read_text()).group(1)


def options_in_help(text):
    lines = [line.strip() for line in text.splitlines() if re.match(r"  +-", line)]
    return {word for line in lines
            for word in re.findall(r"(?<!\S)--?[a-z-]+", re.split(r"  +", line)[0])}


def options_in_manual(name):
    items = re.findall(r"^\.It (Fl .*)$", (ROOT / "docs" / "man" / f"{name}.1").read_text(), re.M)
    return {"-" + flag for item in items for flag in re.findall(r"Fl (-?[a-z-]+)", item)}


def assert_usage_error(done, message, command=None):
    """Exit status 2, one line that says why and one that helps, no result."""
    helped = f"ferry {command}" if command else "ferry"
    assert done.stderr == f"ferry: {message}\ntry '{helped} --help'\n"
    assert done.stdout == ""
    assert done.returncode == 2


@pytest.mark.parametrize("args", [["help"], ["--help"], ["-h"], ["help", "--json"],
                                  ["help", "--help"], ["--help", "--quiet"]])
def test_general_help_names_every_command(ferry, args):
    done = ferry(*args)
    assert (done.returncode, done.stderr) == (0, "")
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\S", done.stdout, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_the_same_however_asked(ferry, command):
    done = ferry(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: ferry {command} ")
    for args in ([command, "-h"], ["help", command], ["--help", command], [command, "a", "--help"],
                 ["help", "--json", command], ["help", command, "--quiet"], ["-h", command, "-h"]):
        assert ferry(*args).stdout == done.stdout


@pytest.mark.parametrize("args", [["help"]] + [[c, "--help"] for c in COMMANDS])
def test_help_fits_a_terminal(ferry, args):
    for line in ferry(*args).stdout.splitlines():
        assert len(line) < 80
        assert line == line.rstrip()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_manual_know_the_same_options(ferry, command):
    found = options_in_help(ferry(command, "--help").stdout)
    assert {"--json", "--quiet", "--help", "-h"} <= found
    assert found == options_in_manual(f"ferry-{command}")


def test_general_manual_knows_its_options():
    assert options_in_manual("ferry") == {"-h", "--help", "--version"}


@pytest.mark.parametrize("name", ["ferry"] + [f"ferry-{c}" for c in COMMANDS])
def test_manual_is_whole(name):
    text = (ROOT / "docs" / "man" / f"{name}.1").read_text()
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
        assert f"\n.Sh {section}\n" in text
    assert len(re.findall(r"^\.Dl ferry ", text, re.M)) >= 2


def test_version(ferry):
    done = ferry("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ferry {VERSION}\n", "")


@pytest.mark.parametrize("args, message", [
    ([], "no command given"),
    (["pakc"], "unknown command 'pakc'; did you mean 'pack'?"),
    (["lst"], "unknown command 'lst'; did you mean 'list'?"),
    (["verfiy"], "unknown command 'verfiy'; did you mean 'verify'?"),
    (["frobnicate"], "unknown command 'frobnicate'"),
    (["help", "hots"], "unknown command 'hots'; did you mean 'host'?"),
    (["help", "--frob"], "unknown option '--frob'"),
    (["help", "pack", "list"], "surplus argument 'list'"),
    (["--quiet", "list"], "unknown option '--quiet' before a command"),
    (["a\x1b[31mb"], r"unknown command 'a\x1b[31mb'"),
    (["\u009b31m"], r"unknown command '\xc2\x9b31m'"),
])
def test_usage_error_before_a_command(ferry, args, message):
    assert_usage_error(ferry(*args), message)


@pytest.mark.parametrize("args, message", [
    (["pack", "--plaform=x"], "unknown option '--plaform'; did you mean '--platform'?"),
    (["pack", "--retires", "3"], "unknown option '--retires'; did you mean '--retries'?"),
    (["list", "--qiuet", "x"], "unknown option '--qiuet'; did you mean '--quiet'?"),
    (["list", "--platform=x", "x"], "unknown option '--platform'"),
    (["pack", "-x"], "unknown option '-x'"),
    (["pack", "--p"], "option '--p' may mean 3 things; write it out"),
    (["pack", "-o"], "option '--output' takes BUNDLE, which is missing"),
    (["pack", "a", "--output"], "option '--output' takes BUNDLE, which is missing"),
    (["pack", "a", "--output="], "option '--output' takes BUNDLE, not nothing"),
    (["pack", "a", "--platform", "", "-o", "x"], "option '--platform' takes P, not nothing"),
    (["pack", "a"], "no '--output BUNDLE' given"),
    (["pack", "-o", "x"], "no IMAGE and no '--file LIST' given"),
    (["pack", "a", "-o", "x", "--key", "k"], "option '--key' is of no use without '--cert'"),
    (["verify", "--json=yes", "x"], "option '--json' takes no value"),
    (["host", "x"], "surplus argument 'x'"),
    (["list", "a", "b"], "surplus argument 'b'"),
    (["list", "--", "a", "--json"], "surplus argument '--json'"),
    (["inspect", "a", "b", "c"], "surplus argument 'c'"),
    *[([c], "no BUNDLE given") for c in NEED_BUNDLE],
])
def test_usage_error_of_a_command(ferry, args, message):
    assert_usage_error(ferry(*args), message, args[0])


@pytest.mark.parametrize("command", [["pack", "127.0.0.1:1/x", "-o", "/tmp/x"], ["load", "x"]])
@pytest.mark.parametrize("option", ["--authfile", "--ca", "--cert", "--key"])
@pytest.mark.parametrize("path, why", [("/nonexist", "no such file"),
                                       ("/etc/passwd/x", "Not a directory")])
def test_a_file_that_cannot_be_read_is_told_at_once(ferry, command, option, path, why):
    """Even where no registry would have asked for what it holds."""
    before = ["--cert", "/dev/null"] if option == "--key" else []
    assert_usage_error(ferry(*command, *before, option, path), f"{option} {path}: {why}",
                       command[0])


def test_a_file_that_the_environment_names_need_not_be_there(ferry, tmp_path):
    done = ferry("load", tmp_path / "none", "--to", "127.0.0.1:1",
                 env={"REGISTRY_AUTH_FILE": "/nonexist"})
    assert (done.returncode, done.stderr) == (1, f"ferry: {tmp_path}/none: no such file\n")


@pytest.mark.parametrize("command, option, least, most", [
    ("pack", "jobs", 1, 64), ("load", "jobs", 1, 64), ("verify", "jobs", 1, 64),
    ("pack", "retries", 0, 100), ("load", "retries", 0, 100),
    ("pack", "connect-timeout", 1, 3600), ("load", "stall-timeout", 1, 3600),
])
@pytest.mark.parametrize("value", ["-1", "3601", "1.5", "4x", "0x4", " 4", "99999999999999999999"])
def test_numbers_have_limits(ferry, command, option, least, most, value):
    assert_usage_error(ferry(command, "x", f"--{option}={value}"),
                       f"option '--{option}' takes a number from {least} to {most}, "
                       f"not '{value}'", command)


@pytest.mark.parametrize("args, message", [
    (["pakc", "--json"], "unknown command 'pakc'; did you mean 'pack'?"),
    (["help", "pakc", "--json"], "unknown command 'pakc'; did you mean 'pack'?"),
    (["list", "--json"], "no BUNDLE given"),
    (["list", "--json", "--nonsense"], "unknown option '--nonsense'"),
    (["list", "--nonsense", "--json"], "unknown option '--nonsense'"),
    (["pack", "--json", "-o"], "option '--output' takes BUNDLE, which is missing"),
])
def test_usage_error_as_json(ferry, args, message):
    done = ferry(*args)
    assert json.loads(done.stdout) == {"error": {"code": "usage", "message": message}}
    assert done.stdout.count("\n") == 1
    assert done.returncode == 2


@pytest.mark.parametrize("command", NEED_BUNDLE)
def test_missing_bundle_is_told(ferry, tmp_path, command):
    path = tmp_path / "none.tar.zst"
    args = [command, path] + (["--to", "127.0.0.1:1"] if command == "load" else [])
    done = ferry(*args)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("ferry: ") and str(path) in done.stderr
    assert done.stderr.count("\n") == 1
    assert "error" in json.loads(ferry(*args, "--json").stdout)


@pytest.mark.parametrize("command", NEED_BUNDLE)
def test_no_bundle_is_status_3(ferry, tmp_path, command):
    path = tmp_path / "not.tar.zst"
    path.write_bytes(b"not a bundle " * 1000)
    args = [command, path] + (["--to", "127.0.0.1:1"] if command == "load" else [])
    done = ferry(*args)
    assert done.returncode == 3
    assert done.stdout == ""
    assert json.loads(ferry(*args, "--json").stdout)["error"]["code"] == "damaged"


@pytest.mark.parametrize("to", [[], ["--to", "docker"]])
@pytest.mark.parametrize("host, message", [
    ("ssh://me@elsewhere", "DOCKER_HOST: 'ssh://me@elsewhere': ferry does not speak ssh: run it on "
     "that host, or forward the socket (ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock "
     "me@elsewhere) and set DOCKER_HOST=unix:///tmp/docker.sock"),
    ("npipe:////./pipe/docker_engine", "DOCKER_HOST: 'npipe:////./pipe/docker_engine': named "
     "pipes are of Windows: let its Docker listen at "
     "tcp:// with TLS, or run ferry in WSL with its unix:// socket"),
    ("fd://", "DOCKER_HOST: 'fd://': Docker is reached at unix://SOCKET or tcp://HOST[:PORT]"),
    ("tcp://10.0.0.1:x", "DOCKER_HOST: 'tcp://10.0.0.1:x': not a URL: Port number was not a "
     "decimal number between 0 and 65535"),
])
def test_docker_host_of_another_kind_is_refused(ferry, to, host, message):
    assert_usage_error(ferry("load", "x", *to, env={"DOCKER_HOST": host}), message, "load")


def test_host(ferry):
    told = ferry("host")
    assert (told.returncode, told.stderr) == (0, "")
    found = json.loads(ferry("host", "--json").stdout)
    assert found["machine"] == os.uname().machine
    assert found["release"] == os.uname().release
    assert re.search(rf"^platform +{re.escape(found['platform'])}$", told.stdout, re.M)
    assert ferry("host", "--quiet").stdout == ""


@pytest.mark.parametrize("command", ["help"] + COMMANDS)
def test_turkish_letters_change_nothing(ferry, command):
    """In tr_TR the upper case of i is not I; options must not go through it."""
    turkish = {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}
    assert ferry(command, "--help", env=turkish).stdout == ferry(command, "--help").stdout
    assert_usage_error(ferry("LIST", env=turkish), "unknown command 'LIST'")
    assert_usage_error(ferry("list", "--QUIET", "x", env=turkish), "unknown option '--QUIET'",
                       "list")


def start(*args, **files):
    return subprocess.Popen([program(), *args], env=environment(), **files)


def test_closed_pipe_ends_quietly():
    """As a shell says of a program that SIGPIPE killed, with nothing to read."""
    reader, writer = os.pipe()
    os.close(reader)
    with start("help", stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


def test_full_disk_is_told():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([program(), "host"], stdout=full, stderr=subprocess.PIPE,
                              text=True, env=environment(), check=False)
    assert done.stderr == "ferry: standard output: No space left on device\n"
    assert done.returncode == 1


def test_closed_standard_output_is_told():
    done = subprocess.run(["/bin/sh", "-c", '"$0" host >&-', program()], text=True,
                          stderr=subprocess.PIPE, env=environment(), check=False)
    assert done.stderr == "ferry: standard output: Bad file descriptor\n"
    assert done.returncode == 1


def test_options_stand_in_groups(ferry):
    headings = ["Which images:", "The bundle:", "Registries and transfers:", "What is printed:"]
    load = ["Where to, and which images:", headings[2], "What is pushed to a registry:", headings[3]]
    for command, expected in {"pack": headings, "diff": headings[:1] + headings[2:], "load": load,
                              "host": []}.items():
        lines = ferry(command, "--help").stdout.splitlines()
        assert [line for line in lines if re.fullmatch(r"[A-Z][a-z, ]+:", line)] == expected
        assert all(len(line) < 80 for line in lines)


@pytest.mark.parametrize("args", [["pack", "app", "--dry-run"], ["diff", "a", "-f", "b"]])
def test_one_platform_each_time(ferry, args):
    done = ferry(*args, "--platform", "linux/amd64,linux/arm64")
    assert_usage_error(done, "--platform linux/amd64,linux/arm64: one platform each time; "
                             "repeat --platform for the others", args[0])
