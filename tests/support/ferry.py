"""Runs the built program, away from the settings of whoever runs the tests."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What would change an answer if the caller's shell had it set.
SETTINGS = ("COLUMNS", "CONTAINERD_ADDRESS", "CONTAINERD_NAMESPACE", "CONTAINERD_SNAPSHOTTER",
            "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS",
            "DOCKER_TLS_VERIFY", "NO_COLOR", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR",
            "XDG_STATE_HOME", "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES")


def program():
    return os.environ.get("FERRY") or str(ROOT / "build" / "default" / "ferry")


def environment(extra=None):
    """The environment without SETTINGS, with `extra`; a None in it unsets."""
    merged = {k: v for k, v in os.environ.items() if k not in SETTINGS}
    merged.update(extra or {})
    return {k: str(v) for k, v in merged.items() if v is not None}


def run(*args, env=None, input=None, cwd=None, timeout=120):
    """Runs `ferry ARGS` to its end; returns a CompletedProcess with text."""
    feed = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
    return subprocess.run([program(), *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="surrogateescape",
                          env=environment(env), cwd=cwd, timeout=timeout, check=False, **feed)


def measuring(path):
    """What to put in front of a command: PATH gets the most memory that it had, in KiB.

    A child of a large process counts that one's pages as its own until it becomes itself, so
    the rusage of a child of pytest says nothing.
    """
    return ["/usr/bin/time", "-q", "-f", "%M", "-o", str(path)]


@pytest.fixture(name="ferry")
def ferry_fixture():
    """ferry(*args, env=, input=, cwd=, timeout=) -> CompletedProcess."""
    return run
