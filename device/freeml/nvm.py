"""Nonvolatile memories. Where the memory is byte-addressable (FRAM on the bus, RAM that keeps its charge), no class is
needed: give its bytearray or memoryview. For everything else derive from NVM, one file per chip."""


class NVM:
    """A memory of `size` bytes. Must keep, across a power cut, what was written before the last sync() that returned; of
    what was written after it any part may be kept. Methods raise OSError when the memory fails."""

    def __init__(self, size):
        self._size = size

    def __len__(self):
        return self._size

    def readinto(self, offset, buffer):
        """Fills `buffer` from `offset`; the range lies within the memory."""
        raise NotImplementedError

    def write(self, offset, buffer):
        """Writes all of `buffer` at `offset`. The buffer is the caller's and valid during the call only."""
        raise NotImplementedError

    def sync(self):
        """Returns when all writes are durable. Nothing to do where each write is durable at once."""


class FileNVM(NVM):
    """A file; created, filled with zeros, where there is none of that size. As durable as the file system's flush()."""

    def __init__(self, path, size):
        super().__init__(size)
        try:
            self._file = open(path, "r+b")
        except OSError:
            self._file = open(path, "w+b")
        self._extend()

    def _extend(self):
        length = self._file.seek(0, 2)
        zeros = bytes(64)
        while length < self._size:
            length += self._file.write(zeros[: self._size - length])
        self._file.flush()

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
