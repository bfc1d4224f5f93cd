"""A root directory with nothing in it but ferry, and modules that kill who loads them."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import ferry

# The file itself; FERRY becomes what runs it, for the fixtures that run ferry out here.
STATIC = Path(ferry.program()).resolve()
MACHINES = {62: "x86_64", 183: "aarch64"}   # EM_X86_64 and EM_AARCH64 of the ELF header
EMULATOR = "/usr/bin/qemu-aarch64-static"
MODULE = """\
__attribute__((constructor)) static void loaded(void)
{
	__builtin_trap();
}
"""
# Does what ferry must not let its libraries do.
VICTIM = """\
#include <netdb.h>
#include <openssl/crypto.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct addrinfo *found = NULL;

	(void)argv;
	if (argc > 1)
		OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	else
		getaddrinfo("registry.test", "1", NULL, &found);
	puts("alive");
}
"""


def place(path, target):
    """A file under another name, without a second copy where that can be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)


def machine():
    """What the file is for, in the words of compilers."""
    with open(STATIC, "rb") as file:
        return MACHINES[int.from_bytes(file.read(20)[18:20], "little")]


def is_foreign():
    """Whether it takes an emulator to run it here."""
    return machine() != platform.machine()


def compiled(target, text, *options):
    """A program or module out of C, with what the file was built with."""
    triplet = f"{machine()}-linux-gnu"
    sysroot = STATIC.parent / "sysroot"
    libraries = sysroot / "usr" / "lib" / triplet
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([f"{triplet}-gcc", f"--sysroot={sysroot}", f"-B{libraries}", f"-L{libraries}",
                    "-x", "c", "-", "-x", "none", "-w", "-o", str(target), *options],
                   input=text, text=True, check=True)
    return target


def run_by_emulator(folder):
    """Make FERRY a script that starts the emulator."""
    script = folder / "ferry"
    script.write_text(f'#!/bin/sh\nexec {EMULATOR} {STATIC} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    os.environ["FERRY"] = str(script)


def finished(command):
    """A command's end, with what it printed."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={}, timeout=60, check=False)


class EmptyRoot:
    """Where ferry is /ferry, and nothing else is."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir()
        place(STATIC, self.path / "ferry")
        self._chroot = ["/usr/sbin/chroot", str(self.path)]
        self._start = []
        if is_foreign():
            place(Path(EMULATOR), self.path / "emulator")
            self._start = ["/emulator"]

    def add(self, name, content):
        """A file of that text, or that is at that path."""
        target = self.path / name.lstrip("/")
        if isinstance(content, Path):
            place(content, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
        return "/" + str(target.relative_to(self.path))

    def add_module(self, *names):
        """A shared library that kills the process that loads it."""
        for name in names:
            compiled(self.path / name.lstrip("/"), MODULE,
                     "-shared", "-fPIC", "-nostdlib")

    def add_victim(self):
        """A static program without ferry's precautions."""
        compiled(self.path / "victim", VICTIM, "-static", "-lcrypto")

    def command(self, *arguments):
        """What runs ferry in there."""
        return [*self._chroot, *self._start, "/ferry", *map(str, arguments)]

    def ferry(self, *arguments):
        """Runs ferry in there, without any variable, to its end."""
        return finished(self.command(*arguments))

    def victim(self, *arguments):
        """Runs the program without precautions in there."""
        return finished([*self._chroot, *self._start, "/victim", *arguments])
