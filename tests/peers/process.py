"""Starting programs so that they end with the test run, waiting for them, ending them."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

# Below the ports that the kernel gives to outgoing connections.
PORTS = range(20000, 32000)


class PeerError(Exception):
    """A peer did not start, or answered something else than hoped for."""


class Process:
    """A program in the background, its output in a log file.

    It gets a session of its own, so that an interrupt at the terminal reaches the
    tests first, and a signal from the kernel should the thread that starts it die.
    """

    def __init__(self, command, log, environment=None):
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self._process = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, env=environment, start_new_session=True, preexec_fn=die_with_parent)

    @property
    def pid(self):
        """The process id."""
        return self._process.pid

    def running(self):
        """True until the program has ended."""
        return self._process.poll() is None

    def wait_until(self, ready, seconds=30):
        """Wait until READY() is true; a program that ends before is an error."""
        def ready_or_ended():
            return not self.running() or ready()
        try:
            wait_for(ready_or_ended, seconds)
        except PeerError as error:
            raise PeerError(f"{error}\n{self.log_tail()}") from None
        if not self.running():
            raise PeerError(f"{self._process.args[0]} ended at once:\n{self.log_tail()}")

    def stop(self, seconds=15):
        """Ask the program to end, and make it."""
        if self.running():
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        """End the program and its session without a word of warning."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()

    def log_tail(self, size=3000):
        """The end of what the program printed."""
        return self.log.read_bytes()[-size:].decode(errors="replace")


def die_with_parent():
    """Runs in the child: have the kernel end it when its parent dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_for(condition, seconds=30, interval=0.02):
    """Call CONDITION until it returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise PeerError(f"waited {seconds} s in vain")
        time.sleep(interval)


def free_port():
    """A TCP port on the loopback that nobody listens on."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def run(*command, environment=None, data=None):
    """Run a program to its end and return its output as text."""
    done = subprocess.run([str(part) for part in command], env=environment, input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise PeerError(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


def unmount_below(root):
    """Detach every mount under a directory, the deepest first."""
    root = os.path.realpath(root)
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        points = [line.split()[4] for line in table]
    for point in sorted(points, reverse=True):
        if point == root or point.startswith(root + "/"):
            subprocess.run(["umount", "-l", point], check=False, stderr=subprocess.DEVNULL)
