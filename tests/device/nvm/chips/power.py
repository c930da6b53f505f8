"""The supply of a simulated chip."""

import random


class PowerCut(Exception):  # noqa: N818 (an event, not an error)
    """Power failed: whoever gets this is dead, and all that it had in RAM is lost."""


class Power:
    """Fails during operation number cut_at (1 is the first from now; 0: never). What an operation is, each chip says.

    A seed decides what an interrupted operation leaves behind, so every cut can be replayed.
    """

    def __init__(self, cut_at=0, seed=0):
        self.on = True
        self.used = 0
        self._cut_at = cut_at
        random.seed(seed)

    def fails(self):
        """Counts an operation; True: this one is interrupted. The chip leaves something behind, then calls die()."""
        if not self.on:
            raise PowerCut
        self.used += 1
        return self.used == self._cut_at

    def die(self):
        self.on = False
        raise PowerCut

    def restore(self, cut_at=0):
        self.on = True
        self.used = 0
        self._cut_at = cut_at
