"""What every memory must do, checked at a power cut. Runs in MicroPython and in CPython.

Everything synced is there; of what was written since, bytes are old or new; a memory that says it is ordered keeps nothing
later than what it loses, and tears nothing within its atom.
"""

import random

from chips.power import Power, PowerCut


class Record:
    """What a memory may hold."""

    def __init__(self, durable):
        self.durable = durable  # as of the last sync
        self.pending = []  # (offset, bytes) written since
        self.now = bytearray(durable)

    def write(self, offset, data):
        self.pending.append((offset, data))

    def written(self):
        offset, data = self.pending[-1]
        self.now[offset : offset + len(data)] = data

    def synced(self):
        self.durable = bytes(self.now)
        self.pending = []

    def allows(self, image):
        for i in range(len(image)):
            if image[i] != self.durable[i] and not any(
                offset <= i < offset + len(data) and data[i - offset] == image[i] for offset, data in self.pending
            ):
                return False
        return True

    def allows_ordered(self, image, atom):
        state = bytearray(self.durable)
        if state == image:
            return True
        for offset, data in self.pending:
            for i in range(len(data)):
                state[offset + i] = data[i]
                if (i + 1 == len(data) or (offset + i + 1) % atom == 0) and state == image:
                    return True
        return False


def read(medium, nvm):
    image = bytearray(medium.length)
    nvm.readinto(medium.begin, image)
    return bytes(image)


def use(medium, nvm, record, actions):
    """Writes, syncs and reads at random."""
    for _ in range(actions):
        action = random.randrange(8)
        offset = random.randrange(medium.length)
        size = min(random.choice((1, 7, 28, 100)), medium.length - offset)
        if action < 4:
            data = bytes(random.getrandbits(8) for _ in range(size))
            record.write(offset, data)
            nvm.write(medium.begin + offset, data)
            record.written()
        elif action < 7:
            nvm.sync()
            record.synced()
        else:
            seen = bytearray(size)
            nvm.readinto(medium.begin + offset, seen)
            assert seen == record.now[offset : offset + size], "reads something else than was written"


def check_recovery(medium, chip, record):
    """Powers the chip up. Returns a new record of what it holds."""
    chip.power.restore()
    chip.power_up()
    nvm = medium.open(chip)
    image = read(medium, nvm)
    if record:
        assert record.allows(image), "holds what it must not hold"
        if nvm.ordered:
            assert record.allows_ordered(image, nvm.atom), "an earlier write was lost and a later one kept, or an atom was torn"
        if medium.whole_syncs:
            assert image in (record.durable, record.now), "shows a part of what was written between two syncs"
    assert read(medium, medium.open(chip)) == image, "opening it again shows something else"
    return Record(image)


def check(medium, seed, cuts, actions):
    """One life of a chip: each of `cuts` is the operation, since the power-up before, at which power fails (0: never).
    Returns the operations that the last power-up took."""
    power = Power(seed=seed)
    chip = medium.make(power)
    record = None
    for cut in cuts:
        power.restore(cut)
        chip.power_up()
        try:
            nvm = medium.open(chip)
            record = record or Record(read(medium, nvm))
            use(medium, nvm, record, actions)
        except PowerCut:
            pass
        used = power.used
        record = check_recovery(medium, chip, record)
    return used


def check_all_cuts(medium, seed, actions, step=1):
    """A cut at every operation of a life of two power-ups, each followed by a cut at random. Returns how many lives."""
    total = check(medium, seed, (0,), actions)
    lives = 0
    for cut in range(1, total + 1, step):
        try:
            check(medium, seed, (cut, 1 + cut * 7 % total, 0), actions)
        except AssertionError as error:
            replay = f"check(medium, {seed}, ({cut}, {1 + cut * 7 % total}, 0), {actions})"
            raise AssertionError(f"{error}; replay with {replay}") from error
        lives += 1
    return lives
