"""FileNVM on a real littlefs (MicroPython's own) on simulated flash. Runs in MicroPython alone."""

import vfs
from chips.nor_flash import NORFlash
from freeml import FileNVM
from media import Medium

BLOCKS, BLOCK_SIZE, UNIT = 32, 512, 32
MOUNT = "/flash"
GENERIC_ERROR = -5


class OneLife:
    """The flash as one life of the processor sees it. Python closes forgotten files, sooner or later; a file of an earlier
    life must not reach the flash any more."""

    def __init__(self, flash):
        self.flash = flash
        self._age = flash.lives

    def _dead(self):
        return self._age != self.flash.lives or not self.flash.power.on

    def readblocks(self, *arguments):
        return GENERIC_ERROR if self._dead() else self.flash.readblocks(*arguments)

    def writeblocks(self, *arguments):
        return GENERIC_ERROR if self._dead() else self.flash.writeblocks(*arguments)

    def ioctl(self, operation, argument):
        return GENERIC_ERROR if self._dead() and operation > 5 else self.flash.ioctl(operation, argument)


def make(power):
    flash = NORFlash(power, BLOCKS, BLOCK_SIZE, UNIT)
    flash.lives = 0
    vfs.VfsLfs2.mkfs(OneLife(flash), progsize=UNIT)
    return flash


def open_file(flash, size=300):
    flash.lives += 1
    try:  # noqa: SIM105 (MicroPython has no contextlib)
        vfs.umount(MOUNT)
    except OSError:
        pass  # the first one
    vfs.mount(vfs.VfsLfs2(OneLife(flash), progsize=UNIT), MOUNT)
    return FileNVM(MOUNT + "/state", size)


LITTLEFS = Medium(make, open_file, 0, 300, True)
