"""Lists of images: text that people write, on every kind of machine."""

import pytest

from mishaps import assert_done, assert_failed, assert_packed
from mishaps import bench_fixture  # noqa: F401

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def pack_list(bench, text, stdin=False, images=()):
    """Packs what a list names; {host} in it is the registry."""
    text = text.replace("{host}", bench.server.host)
    path = bench.folder / "images.txt"
    path.write_bytes(text.encode())
    args = ["pack", "-o", bench.bundle, "-f", "-" if stdin else path, *map(bench.name, images)]
    return bench.run(*args, input=text if stdin else None)


GOOD = {
    "one a line": "{host}/app:1\n{host}/db:1\n",
    "no end of line at the end": "{host}/app:1\n{host}/db:1",
    "CRLF": "{host}/app:1\r\n{host}/db:1\r\n",
    "blank lines": "\n\n{host}/app:1\n \t \n{host}/db:1\n\n",
    "comments": "# all of it\n{host}/app:1 # the app\n#{host}/no:1\n\t{host}/db:1\t#\n",
    "white space": "   {host}/app:1   \n\t{host}/db:1\t\r\n",
    "twice": "{host}/app:1\n{host}/db:1\n{host}/app:1\n",
    "with a scheme": "docker://{host}/app:1\n{host}/db:1\n",
}


@pytest.mark.parametrize("stdin", [False, True])
@pytest.mark.parametrize("name", GOOD)
def test_good_lists(bench, name, stdin):
    for image in ("app:1", "db:1"):
        bench.add(image, layers=[500])
    assert_done(pack_list(bench, GOOD[name], stdin))
    assert_packed(bench, bench.images)
    assert bench.server.count("manifest tag") == 2


def test_a_list_and_names(bench):
    """And what both name is packed once."""
    for image in ("app:1", "db:1"):
        bench.add(image, layers=[500])
    assert_done(pack_list(bench, "{host}/app:1\n{host}/db:1\n", images=["db:1"]))
    assert_packed(bench, bench.images)


BAD = {
    # name: (text, words, whether {file} is named too)
    "empty": ("", ["{file} names no image"], True),
    "only comments": ("# nothing\n\n", ["{file} names no image"], True),
    "upper case": ("{host}/app:1\n\nNoSuch/Thing:1\n", ["line 3", "NoSuch/Thing:1"], True),
    "two words": ("{host}/app:1 {host}/db:1\n", ["line 1"], True),
    "no name": ("{host}/app:1\n:1\n", ["line 2", "':1'"], True),
    "an escape": ("\x1b[31mred\n", ["line 1", "\\x1b[31mred"], True),
    "a short digest": ("app@sha256:abc\n", ["line 1", "app@sha256:abc"], True),
    "binary": ("a\0b\n", ["NUL"], True),
    "two digests": (f"app:1@{A}\napp:1@{B}\n", [f"app:1 is asked for with two different digests, {A} and {B}"], False),
    "with and without a digest": (f"app:1@{A}\napp:1\n",
                                  [f"app:1 is asked for both with and without the digest {A}"], False),
}


@pytest.mark.parametrize("stdin", [False, True])
@pytest.mark.parametrize("name", BAD)
def test_bad_lists(bench, name, stdin):
    """All of it is usage: nothing was asked of anybody."""
    text, words, names_file = BAD[name]
    done = pack_list(bench, text, stdin)
    lines = done.stderr.splitlines()
    assert lines[-1] == "try 'ferry pack --help'"
    done.stderr = "\n".join(lines[:-1])
    file = "standard input" if stdin else str(bench.folder / "images.txt")
    words = [word.replace("{file}", file) for word in words]
    assert_failed(bench, done, *words, *([file] if names_file else []), status=2)
    assert bench.server.requests == []


def test_an_empty_list_among_others(bench):
    """Not what anybody meant: something of the release would be missing."""
    done = pack_list(bench, "", images=["app:1"])
    assert done.stderr.splitlines()[0] == f"ferry: {bench.folder}/images.txt names no image"
    assert (done.returncode, bench.left(), bench.server.requests) == (2, [], [])


@pytest.mark.parametrize("path, words", [
    ("/no/such/list", "/no/such/list: no such file"),
    ("/proc/version/list", "/proc/version/list"),
    ("/", "/: read: Is a directory"),
])
def test_no_list(bench, path, words):
    done = bench.run("pack", "-o", bench.bundle, "-f", path)
    assert_failed(bench, done, words)


def test_an_endless_list(bench):
    """It ends where no list can be so long."""
    done = bench.run("pack", "-o", bench.bundle, "-f", "/dev/zero")
    assert done.seconds < 10
    assert_failed(bench, done, "/dev/zero")


SLIPS = {
    # argument: (exit status, what is said of it)
    "list.txt": (1, "list.txt is a file here: '-f list.txt' reads it as a list; bundle:list.txt, "
                    "docker-archive:list.txt and oci-archive:list.txt stand for the images in it"),
    "./list.txt": (2, "./list.txt is a file here: '-f ./list.txt' reads it as a list; bundle:./list.txt, "
                      "docker-archive:./list.txt and oci-archive:./list.txt stand for the images in it"),
    "docker-archve:app.tar": (1, "docker-archve:app.tar: did you mean 'docker-archive:app.tar'?"),
    "linux/arm64": (1, "linux/arm64: for a platform, give '--platform linux/arm64', or "
                       "'IMAGE linux/arm64' as one argument"),
    "other": (1, None),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_what_looks_like_a_slip(bench, slip):
    """What is no image of a registry, since it was meant to be something else, gets a line more."""
    status, hint = SLIPS[slip]
    (bench.folder / "list.txt").write_text("app:1\n")
    done = bench.run("pack", "--dry-run", "--mirror", f"docker.io=http://{bench.server.host}", slip,
                     "--retries", "0", cwd=bench.folder)
    assert done.returncode == status
    assert (hint is None) == ("is a file here" not in done.stderr and "did you mean" not in done.stderr
                              and "for a platform" not in done.stderr)
    assert hint is None or hint in done.stderr.splitlines()
