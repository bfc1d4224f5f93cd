"""A Docker daemon that work is measured in: the client only passes on, the daemon pays."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from docker import CLIENTS, Docker

TICK = os.sysconf("SC_CLK_TCK")


class Daemon(Docker):
    """A daemon of its own, whose processor time and memory are charged to who asks it.

    Both are those of dockerd and containerd: processor time with the children that they
    have waited for (untar, unpigz), memory at the peak, the two added up.
    """

    @property
    def program(self):
        """The client."""
        return next(filter(None, map(shutil.which, CLIENTS)))

    def charged(self, how, *command, memory=True):
        """Run a command with HOW, this daemon being its Docker, and add the daemon's share.

        Without MEMORY only the command's own counts.
        """
        self._forget_peaks()
        before = self._cpu()
        sample = how(*command, environment=self.environment)
        return replace(sample, cpu=sample.cpu + self._cpu() - before,
                       memory=max(sample.memory, memory and self._peak()))

    @property
    def environment(self):
        """What makes clients talk to this daemon; $DOCKER is the client for scripts."""
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER": self.program}

    def empty(self):
        """Remove all images, and have the disk done with it."""
        self.client("system", "prune", "--all", "--force", "--volumes")
        left = self.client("image", "ls", "--all", "--quiet").split()
        if left:
            self.client("image", "rm", "--force", *dict.fromkeys(left))
        os.sync()

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
