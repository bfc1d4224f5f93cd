#!/usr/bin/python3
"""Which module may include which: docs/contributing.md, "Modules".

A module includes itself and those before it.  A foreign header appears in
one module only.  The command line sees the public API, base and json.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ORDER = ["base", "codec", "json", "oci", "net", "registry", "engine",
         "archive", "bundle", "list", "source", "target", "host", "serve", "op"]
CLI = {"cli", "base", "json"}
FOREIGN = {
    "openssl/ssl.h": "serve",
    "openssl/err.h": "serve",
    "openssl/": "codec",
    "zstd.h": "codec",
    "xxhash.h": "codec",
    "jansson.h": "json",
    "curl/": "net",
    "archive.h": "archive",
    "archive_entry.h": "archive",
    "yaml.h": "list",
    "microhttpd.h": "serve",
}
# The one static file has to speak to OpenSSL before all else does.
EXCEPTIONS = {("src/cli/static.c", "openssl/crypto.h")}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Sources and targets meet only in the engine: of each other they know the face.
FACES = {"source/source.h"}


def allowed(module, header):
    """Whether a file of `module` may include our own header `header`."""
    other = header.split("/")[0]
    if other == "ferry":
        return True
    if module == "cli":
        return other in CLI
    if module == "target" and other == "source":
        return header in FACES
    return ORDER.index(other) <= ORDER.index(module)


def foreign_home(header):
    """The module that a foreign header belongs to, or None for the C library."""
    for prefix, home in FOREIGN.items():
        if header.startswith(prefix):
            return home
    return None


def complaints(path):
    """What is wrong with the includes of one file."""
    where = path.relative_to(ROOT)
    module = where.parts[1] if where.parts[0] == "src" else None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(2)
        if (str(where), header) in EXCEPTIONS:
            continue
        home = foreign_home(header)
        if module is None:
            if home or not (header.startswith("ferry/") or match.group(1) == "<"):
                yield f"{where}:{number}: a public header includes {header}"
        elif match.group(1) == "<" and home and home != module:
            yield f"{where}:{number}: {header} belongs to src/{home}/"
        elif match.group(1) == '"' and not allowed(module, header):
            yield f"{where}:{number}: {module} may not include {header}"


def unlisted():
    """Modules that the list does not know."""
    for folder in sorted((ROOT / "src").iterdir()):
        if folder.is_dir() and folder.name not in ORDER + ["cli"]:
            yield f"src/{folder.name}: not in the list of modules"


def main():
    files = sorted([*(ROOT / "src").glob("*/*.[ch]"), *(ROOT / "include").glob("ferry/*.h")])
    found = [*unlisted(), *(text for path in files for text in complaints(path))]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
