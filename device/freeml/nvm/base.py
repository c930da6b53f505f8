"""What a nonvolatile memory must do."""


class NVM:
    """A memory of `size` bytes. Must keep, across a power cut, what was written before the last sync() that returned; of
    what was written after it any part may be kept. Bytes that were not written stay as they are. Methods raise OSError
    when the memory fails."""

    atom = 1  # bytes, aligned, that a power cut cannot tear: either all old or all new
    ordered = False  # True: a write survives only if all earlier ones do
    endurance = None  # writes of one cell until it wears out, None: no limit of its own

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
