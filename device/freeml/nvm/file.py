"""A file as nonvolatile memory."""

from errno import ENOENT

from .base import NVM

try:
    from os import fsync
except ImportError:  # MicroPython: flush() is enough
    fsync = None


class FileNVM(NVM):
    """A file; created, filled with zeros, where there is none of that size.

    As durable as the file system: MicroPython's flush() ends in lfs_file_sync, f_sync or fsync. littlefs shows after a
    power cut exactly what the last flush() left (littlefs, DESIGN.md), at the price of writing the file anew from the
    first changed block on: docs/nvm.md has figures. FAT protects its own tables no better than the data; avoid it.
    """

    def __init__(self, path, size):
        super().__init__(size)
        try:
            self._file = open(path, "r+b")
        except OSError as error:
            if error.errno != ENOENT:
                raise
            self._file = open(path, "w+b")
        self._extend()

    def _extend(self):
        length = self._file.seek(0, 2)
        zeros = bytes(64)
        while length < self._size:
            length += self._file.write(zeros[: self._size - length])
        self.sync()

    def readinto(self, offset, buffer):
        self._file.seek(offset)
        if self._file.readinto(buffer) != len(buffer):
            raise OSError("the file has become shorter")

    def write(self, offset, buffer):
        self._file.seek(offset)
        if self._file.write(buffer) != len(buffer):
            raise OSError("the file system is full")

    def sync(self):
        self._file.flush()
        if fsync:
            fsync(self._file.fileno())
