#!/usr/bin/python3
"""`make demo`: the main job, on this machine alone.

Builds the images of a real stack from Debian's packages, for amd64 and
arm64; puts them into a registry; packs the amd64 ones into a bundle; and on
"the other side" proves it, pushes it into a fresh registry, loads it into a
Docker of its own and runs a container.  Cleans up after itself.
"""

import contextlib
import hashlib
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
FERRY = os.environ.get("FERRY", str(ROOT / "build" / "default" / "ferry"))
sys.path[:0] = [str(ROOT / "tests" / "images"), str(ROOT / "tests" / "peers")]

import peers  # noqa: E402
import stack  # noqa: E402

BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
SHOWN = ["redis:7-alpine", "prom/prometheus:latest"]


def say(text):
    """A heading: what happens next, and why."""
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def ferry(*arguments, expect=0, brief=False):
    """Runs ferry in sight of the reader; `brief` shows its last line only."""
    print("$ ferry " + shlex.join(map(str, arguments)), flush=True)
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} if brief else {}
    done = subprocess.run([FERRY, *map(str, arguments)], text=True, **output)
    if done.returncode != expect:
        sys.exit(f"demo: ferry ended with {done.returncode} instead of {expect}\n{done.stderr or ''}")
    if brief:
        print(done.stdout.splitlines()[-1])


def wanted_digests(cache):
    """Name -> digest of its amd64 manifest, for the 13 images of the stack."""
    images = stack.load(cache)["images"]
    return {name: told["platforms"]["linux/amd64"]["digest"]
            for name, told in images.items()
            if not name.startswith("trap/") and not name.endswith("-arm64")}


def check_registry(target, digests):
    """Asks skopeo, who knows nothing of ferry, for every image's digest."""
    for name, digest in digests.items():
        raw = peers.skopeo_inspect(target, name, raw=True)
        found = "sha256:" + hashlib.sha256(raw).hexdigest()
        if found != digest:
            sys.exit(f"demo: {name} is {found} there and {digest} here")
        if name in SHOWN:
            print(f"skopeo inspect {target.address}/{name}: {found}")


def run_container(source, folder):
    """A Docker Engine of our own, loaded and put to work."""
    with peers.Docker() as docker:
        ferry("load", folder / "release.tar.zst", "--to", f"docker-daemon:{docker.socket}",
              brief=True)
        image = f"{source.address}/redis:7-alpine"
        print(f"$ docker run --network none {image} redis-server --version", flush=True)
        print(docker.run(image, "redis-server", "--version").strip())


def carry(folder, digests):
    """From one registry to the other side."""
    with peers.Registry() as source, peers.Registry() as target:
        stack.push(stack.DEFAULT_CACHE, source.address)
        listing = folder / "release.txt"
        listing.write_text("".join(f"{source.address}/{name}\n" for name in digests))
        bundle = folder / "release.tar.zst"

        say("Pack: 13 images for linux/amd64, from a registry that holds arm64 too.")
        ferry("pack", "-f", listing, "-o", bundle)
        say("An image that has no amd64 is refused before anything is pulled.")
        ferry("pack", f"{source.address}/trap/arm-only:1", "-o", folder / "never.tar.zst", expect=4)
        say("On the other side: prove every byte, then push into a fresh registry.")
        ferry("verify", bundle)
        ferry("load", bundle, "--to", target.address)
        say("What is there now, in the words of skopeo:")
        check_registry(target, digests)
        say("The same command again has nothing to send.")
        ferry("load", bundle, "--to", target.address, brief=True)
        if os.geteuid() == 0:
            say("Into a Docker Engine, and a container from it.")
            run_container(source, folder)
        else:
            say("(Docker is left out: starting one needs root.)")
        return bundle.stat().st_size


def main():
    began = time.monotonic()
    say("Building the images of a real stack from Debian's packages (cached under build/images).")
    stack.build(stack.DEFAULT_CACHE)
    digests = wanted_digests(stack.DEFAULT_CACHE)
    with contextlib.ExitStack() as cleanup:
        folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="ferry-demo-"))
        size = carry(pathlib.Path(folder), digests)
    say(f"Carried: {len(digests)} images in one file of {size >> 20} MiB, each with the digest it had "
        f"in the source registry, read back from the target ({time.monotonic() - began:.0f} s).")


if __name__ == "__main__":
    main()
