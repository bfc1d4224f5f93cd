"""A Docker daemon that work is measured in: the client only passes on, the daemon pays."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from docker import CLIENTS, Docker
from measure import run, shell

TICK = os.sysconf("SC_CLK_TCK")


class Daemon(Docker):
    """A daemon of its own, whose processor time and memory are charged to who asks it.

    Both are those of dockerd and containerd: processor time with the children that they
    have waited for (untar, unpigz), memory at the peak, the two added up.
    """

    @property
    def environment(self):
        """What makes clients talk to this daemon."""
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}

    @property
    def program(self):
        """The client."""
        return next(filter(None, map(shutil.which, CLIENTS)))

    def run(self, *command, **options):  # pylint: disable=arguments-differ
        """One measured run of a command that talks to this daemon."""
        return self._charged(run, command, options)

    def shell(self, script, *arguments, **options):
        """The same for a script; "$DOCKER" in it is the client."""
        return self._charged(shell, (script, *arguments), options)

    def _charged(self, how, command, options):
        self._forget_peaks()
        before = self._cpu()
        sample = how(*command, environment={**self.environment, "DOCKER": self.program}, **options)
        return replace(sample, cpu=sample.cpu + self._cpu() - before,
                       memory=max(sample.memory, self._peak()))

    def empty(self):
        """Remove all images, so that the next one to come finds nothing there."""
        self.client("system", "prune", "--all", "--force", "--volumes")
        left = self.client("image", "ls", "--all", "--quiet").split()
        if left:
            self.client("image", "rm", "--force", *dict.fromkeys(left))

    def _cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids)

    def _peak(self):
        return sum(peak_memory(pid) for pid in self.pids)

    def _forget_peaks(self):
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def cpu_seconds(pid):
    """Processor time of a process and its children that have ended: proc(5), stat."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICK


def peak_memory(pid):
    """The most that a process has had resident since clear_refs was told to forget."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0
