"""Debian packages of any architecture, through a private apt that leaves the host's alone.

The private apt reads the Debian sources the machine is configured for, but keeps
lists, cache and package status of its own. Its package status claims that the
packages are installed which a stack has no use for (installers, Perl, a JIT
compiler); the resolver then leaves them and all that only they need out.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

PROVIDES = {"debconf": "Provides: debconf-2.0\n", "mawk": "Provides: awk\n"}

CONFIGURATION = """\
Dir::State "{root}/state";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architectures {{ {architectures} }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""


@dataclass(frozen=True, order=True)
class Package:
    """One exact package file."""

    name: str
    version: str
    architecture: str
    filename: str


class PrivateApt:
    """An apt with all its state under one directory."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.downloads = self.root / "debs"

    def update(self, architectures, not_needed):
        """Fetch the package lists of the architectures; claim to have what is not needed."""
        for directory in ("state/lists/partial", "cache/archives/partial", "debs/partial"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        self._write("sources.list", debian_sources())
        self._write("status", "\n".join(map(pretend_installed, not_needed)))
        self._write("apt.conf", CONFIGURATION.format(
            root=self.root,
            architectures=" ".join(f'"{name}";' for name in architectures)))
        self._apt_get("update", "-qq")

    def obtain(self, names, architecture):
        """Download the named packages and all they depend on; return the selection."""
        printed = self._apt_get("install", "-qq", "-y", "--print-uris",
                                "-o", f"APT::Architecture={architecture}", *sorted(names))
        packages = [parse_print_uris_line(line)
                    for line in printed.splitlines() if line.startswith("'")]
        self._fetch([package for package in packages if not self.path(package).is_file()])
        return Selection({package: self.path(package) for package in packages})

    def path(self, package):
        """Where the package file lies once it is fetched."""
        return self.downloads / package.filename

    def _fetch(self, packages):
        """Download packages; apt checks them against the signed lists."""
        partial = self.downloads / "partial"
        if packages:
            self._apt_get("download", "-qq", *map(exact_name, packages), cwd=partial)
        for package in packages:
            (partial / package.filename).rename(self.path(package))

    def _write(self, name, text):
        (self.root / name).write_text(text, encoding="utf-8")

    def _apt_get(self, *arguments, cwd=None):
        return run("apt-get", "-c", self.root / "apt.conf", *arguments, cwd=cwd)


class Selection:
    """Packages that fit together, and what each of them needs of the others."""

    def __init__(self, paths):
        self._package, self._needs = {}, {}
        for package, path in paths.items():
            self._package[package.name] = package
            needs, provides = relations(path)
            self._needs[package.name] = needs
            for name in provides:
                self._package.setdefault(name, package)

    def closure(self, names):
        """The named packages and all they depend on, as a frozen set."""
        found, pending = set(), list(names)
        while pending:
            package = self._package.get(pending.pop())
            if package and package not in found:
                found.add(package)
                pending += self._needs[package.name]
        return frozenset(found)


def relations(path):
    """The names a package file depends on, alternatives included, and those it provides."""
    fields = dict(line.split(": ", 1) for line in run(
        "dpkg-deb", "-f", path, "Depends", "Pre-Depends", "Provides").splitlines())
    needs = f"{fields.get('Depends', '')},{fields.get('Pre-Depends', '')}"
    return names_in(needs), names_in(fields.get("Provides", ""))


def names_in(relation):
    """The bare names in 'a (>= 1), b | c:any'."""
    return [re.split(r"[ (:]", part.strip())[0] for part in re.split(r"[,|]", relation)]


def exact_name(package):
    """How to ask apt for exactly this package; 'all' is no architecture to ask for."""
    suffix = "" if package.architecture == "all" else f":{package.architecture}"
    return f"{package.name}{suffix}={package.version}"


def parse_print_uris_line(line):
    """A package from a line such as 'http://...' name_version_arch.deb size hash."""
    filename = line.split()[1]
    name, version, architecture = filename.removesuffix(".deb").split("_")
    return Package(name, unquote(version), architecture, filename)


def debian_sources():
    """The configured sources that are Debian's own; others rarely serve arm64."""
    printed = run("apt-get", "indextargets", "--format",
                  "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                  "Created-By: Packages", "Origin: Debian")
    if not printed:
        raise SystemExit("no Debian package lists on this machine: run apt-get update")
    return "".join(f"{line}\n" for line in sorted(set(printed.splitlines())))


def pretend_installed(name):
    """A package status entry that makes apt believe the package is there."""
    return (f"Package: {name}\nStatus: install ok installed\nVersion: 9999\n"
            "Maintainer: nobody <nobody@localhost>\nDescription: not needed in an image\n"
            f"Architecture: all\nMulti-Arch: foreign\n{PROVIDES.get(name, '')}")


def run(*command, cwd=None):
    """Run a program and return its output; its own error message is the best one."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout
