"""What `make install` leaves behind, and a program that is built on it."""

import os
import re
import subprocess
from pathlib import Path

import ferry as support
import pytest

BUILD = Path(os.environ.get("FERRY_BUILD") or Path(support.program()).resolve().parent)
CC = os.environ.get("CC", "gcc")
HEADERS = support.ROOT / "include" / "ferry"
PROGRAM = r"""
#include <ferry/ferry.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct ferry_error err = { 0 };
	struct ferry_bundle *bundle = NULL;

	if (argc != 2 || ferry_bundle_open(argv[1], &bundle, &err)) {
		fprintf(stderr, "%d: %s\n", (int)err.code, err.message);
		return 1;
	}
	printf("%zu images, libferry %s\n",
	       ferry_bundle_get_info(bundle)->image_count, FERRY_VERSION);
	ferry_bundle_close(bundle);
	return 0;
}
"""
# What a library that was built with a sanitizer needs, by what it leaves undefined.
SANITIZERS = {"__asan_init": "address", "__ubsan_": "undefined", "__tsan_init": "thread"}


def output_of(*command, env=None):
    """What a program prints; it must work."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          env=env, check=False, cwd=support.ROOT)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def install(*settings):
    """Install what was built before; make, which may run this, is not to hand on its flags."""
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PREFIX", "DESTDIR")}
    output_of("make", "--no-print-directory", "-o", "all", "install", f"VARIANT={BUILD.name}",
              *settings, env=env)


@pytest.fixture(scope="module", name="prefix")
def prefix_fixture(tmp_path_factory):
    """A folder that ferry is installed in."""
    folder = tmp_path_factory.mktemp("prefix")
    install(f"PREFIX={folder}")
    return folder


def pkg_config(prefix, *arguments, of=("ferry",)):
    """What pkg-config says to somebody who installed ferry there."""
    path = f"{prefix / 'lib' / 'pkgconfig'}:{os.environ.get('PKG_CONFIG_PATH', '')}"
    return output_of("pkg-config", *arguments, *of,
                     env={**os.environ, "PKG_CONFIG_PATH": path}).split()


def sanitizer_flags():
    """So that the program can be linked with a library that was built for tests."""
    undefined = output_of("nm", "-D", "--undefined-only", BUILD / "libferry.so")
    found = [flag for symbol, flag in SANITIZERS.items() if symbol in undefined]
    return [f"-fsanitize={','.join(found)}"] if found else []


def compiled(prefix, folder, libraries):
    """The program, built with what pkg-config says and nothing else."""
    source, program = folder / "count.c", folder / "count"
    source.write_text(PROGRAM, encoding="ascii")
    output_of(CC, "-Wall", "-Wextra", "-Werror", "-pedantic", "-std=c99", *sanitizer_flags(),
              *pkg_config(prefix, "--cflags"), "-o", program, source, *libraries)
    return program


def global_symbols(*options):
    """Names that a library defines for others."""
    return {line.split()[-1] for line in output_of("nm", "--defined-only", *options).splitlines()
            if re.fullmatch(r"[0-9a-f]+ \S \S+", line)}


def declared():
    """The functions that the public headers declare."""
    text = "".join(path.read_text() for path in HEADERS.glob("*.h"))
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"\b(ferry_\w+)\(", code))


def test_the_program_runs_from_there(prefix, bundle):
    version = re.search(r'FERRY_VERSION "(.*)"', (HEADERS / "ferry.h").read_text()).group(1)
    assert output_of(prefix / "bin" / "ferry", "--version") == f"ferry {version}\n"
    assert "13 images" in output_of(prefix / "bin" / "ferry", "list", bundle)


def test_everything_is_in_its_place(prefix):
    found = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}
    version = pkg_config(prefix, "--modversion")[0]
    expected = {"bin/ferry", "lib/libferry.a", "lib/libferry.so", "lib/libferry.so.0",
                f"lib/libferry.so.{version}", "lib/pkgconfig/ferry.pc"}
    expected |= {f"include/ferry/{path.name}" for path in HEADERS.glob("*.h")}
    expected |= {f"share/man/man1/{path.name}"
                 for path in (support.ROOT / "docs" / "man").glob("*.1")}
    assert found == expected
    assert (prefix / "lib" / "libferry.so").resolve().name == f"libferry.so.{version}"


def test_destdir_is_for_packagers(tmp_path):
    """Files go below it, and none of them knows of it."""
    install(f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert output_of(tmp_path / "usr" / "bin" / "ferry", "--version").startswith("ferry ")
    settings = (tmp_path / "usr" / "lib" / "pkgconfig" / "ferry.pc").read_text()
    assert "prefix=/usr\n" in settings and str(tmp_path) not in settings
    assert os.listdir(tmp_path) == ["usr"]


def test_a_program_with_the_shared_library(prefix, bundle, tmp_path):
    program = compiled(prefix, tmp_path, pkg_config(prefix, "--libs"))
    env = {**os.environ, "LD_LIBRARY_PATH": str(prefix / "lib")}
    assert str(prefix / "lib" / "libferry.so.0") in output_of("ldd", program, env=env)
    assert output_of(program, bundle, env=env).startswith("13 images, libferry ")


def test_a_program_with_the_static_library(prefix, bundle, tmp_path):
    """Only ferry's own: Debian has no static library of all that libcurl would need."""
    needed = pkg_config(prefix, "--print-requires-private")
    libraries = [prefix / "lib" / "libferry.a", *pkg_config(prefix, "--libs", of=needed),
                 "-pthread"]
    program = compiled(prefix, tmp_path, libraries)
    assert "libferry" not in output_of("ldd", program)
    assert output_of(program, bundle).startswith("13 images, libferry ")


def test_the_program_is_told_what_is_wrong(prefix, tmp_path):
    program = compiled(prefix, tmp_path, pkg_config(prefix, "--libs"))
    empty = tmp_path / "empty"
    empty.touch()
    done = subprocess.run([program, empty], capture_output=True, text=True, check=False,
                          env={**os.environ, "LD_LIBRARY_PATH": str(prefix / "lib")})
    assert done.returncode == 1 and done.stderr.startswith(f"-4: {empty}: ")


@pytest.mark.parametrize("library", ["libferry.so", "libferry.a"])
def test_a_library_shows_its_public_functions_and_no_other_name(prefix, library):
    options = ["-D"] if library.endswith(".so") else ["-g"]
    assert global_symbols(*options, prefix / "lib" / library) == declared()


@pytest.mark.parametrize("header", sorted(path.name for path in HEADERS.glob("*.h")))
def test_each_header_stands_alone(prefix, header, tmp_path):
    """In C as old as C99, without any other library's headers."""
    source = tmp_path / "alone.c"
    source.write_text(f"#include <ferry/{header}>\n")
    output_of(CC, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only",
              f"-I{prefix / 'include'}", source)
