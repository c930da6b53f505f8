"""Cuts its own power: the process kills itself in the middle of a chosen write. For the unix port of MicroPython.

What was written since the last sync is lost, kept, or torn, each write by itself and in any order, as real memories do
it; a seed decides, so every cut can be replayed.
"""

import os
import random

from freeml import NVM, FileNVM


class PowerCut:
    """Kills the process in write number `at` (1 is the first; 0: never)."""

    def __init__(self, at, seed):
        self._at = at
        self.writes = 0
        random.seed(seed)

    def now(self):
        """Counts a write; True: this is the one."""
        self.writes += 1
        return self.writes == self._at

    def die(self, file, writes):
        """writes: list of (offset, bytes) that may be in the file, or may not."""
        while writes:
            offset, data = writes.pop(random.randrange(len(writes)))
            kept = random.choice((0, len(data), random.randrange(len(data) + 1)))
            file.seek(offset)
            file.write(data[:kept])
        os.system("kill -9 $PPID")


class CutFile:
    """A file opened for writing, each write of which is a chance for the cut."""

    def __init__(self, file, power):
        self._file = file
        self._power = power

    def seek(self, offset, whence=0):
        return self._file.seek(offset, whence)

    def write(self, data):
        if self._power.now():
            self._power.die(self._file, [(self._file.seek(0, 1), bytes(data))])
        return self._file.write(data)

    def flush(self):
        self._file.flush()


class CutNVM(NVM):
    """An NVM in a file, as freeml.FileNVM, that keeps nothing for sure before sync()."""

    def __init__(self, path, size, power):
        super().__init__(size)
        FileNVM(path, size)  # creates it
        self._file = open(path, "r+b")
        self._power = power
        self._writes = []

    def readinto(self, offset, buffer):
        self.sync()
        self._file.seek(offset)
        self._file.readinto(buffer)

    def write(self, offset, buffer):
        self._writes.append((offset, bytes(buffer)))
        if self._power.now():
            self._power.die(self._file, self._writes)

    def sync(self):
        for offset, data in self._writes:
            self._file.seek(offset)
            self._file.write(data)
        self._writes.clear()
