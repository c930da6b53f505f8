"""Nonvolatile memories. Where the memory is byte-addressable (FRAM on the processor's bus, RAM that keeps its charge), no
class is needed: give its bytearray or memoryview. For everything else there is one file per medium; a program imports the
one that it uses: from freeml.nvm.flash import FlashNVM."""

from .base import NVM
from .file import FileNVM

__all__ = ("NVM", "FileNVM")
