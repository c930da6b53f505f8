"""Raw NOR flash as nonvolatile memory: an append log with wear levelling."""

from binascii import crc32
from struct import pack_into, unpack_from

from .base import NVM

_HEADER = "<IIH"  # CRC-32 of the rest of the slot, position, page
_HEADER_SIZE = 10
_CRC_SIZE = 4
_NEVER = 1 << 29  # position of a page that was never written; later than any real one
_MOVES = 2  # pages moved per page written, at most: what bounds the cost of one commit
_BLOCK_COUNT, _BLOCK_SIZE, _ERASE = 4, 5, 6  # MicroPython's ioctl numbers of block devices


class FlashNVM(NVM):
    """device: a block device of MicroPython's extended protocol, nothing else on it: esp32.Partition, rp2.Flash(start, len).
    NAND only behind a device that corrects its errors and hides its bad blocks.
    size: bytes of the memory. page: bytes programmed at once, a power of two; 256 suits every chip, less wastes less where
    the chip can do it.

    The flash is a ring of slots of one page each, numbered by a position that only grows. A slot holds one page of the
    memory and is written once, whole, with a checksum: a torn one does not count, and the page's earlier slot still does.
    Nothing but the slots is kept: opening the memory reads all of them (block count x block size bytes) and finds the
    newest of each page. When the ring is nearly full, each page written moves up to two of the oldest ones to its front.
    Blocks are erased in turn, so all wear alike.

    One page synced costs at most 3 programs and 1 erase; after a row of torn programs, once, the moves of one block more.
    RAM: two pages, and one integer per page of the memory.
    Taken for granted, as littlefs does: a program tears no other page, and a slot that reads erased is erased. A block whose
    erase may have been torn is erased again before it is used.
    """

    ordered = True
    endurance = 100_000  # erases of a block: NOR data sheets (W25Q); what that means in writes: writes_until_worn()

    def __init__(self, device, size, page=256):
        super().__init__(size)
        self._device = device
        self._page = page
        self._blocks = device.ioctl(_BLOCK_COUNT, 0)
        self._per_block = device.ioctl(_BLOCK_SIZE, 0) // page
        self.atom = page - _HEADER_SIZE  # bytes of the memory in a slot
        self._far = _move_distance(size, self._blocks, self._per_block * page, page)
        self._buffer = bytearray(page)
        self._copy = bytearray(page)  # a page on its way through
        self._loaded = -1  # the page in _buffer
        self._dirty = False  # _buffer is newer than the flash
        self._recover()

    # --- The memory -------------------------------------------------------------------------------------------------

    def readinto(self, offset, buffer):
        view = memoryview(buffer)
        done = 0
        while done < len(view):
            page, at = divmod(offset + done, self.atom)
            part = view[done : done + self.atom - at]
            self._read(page, at, part)
            done += len(part)

    def _read(self, page, at, part):
        begin = _HEADER_SIZE + at
        if page == self._loaded:
            part[:] = memoryview(self._buffer)[begin : begin + len(part)]
        elif self._positions[page] == _NEVER:
            part[:] = bytes(len(part))
        else:
            self._read_slot(self._positions[page], part, begin)

    def write(self, offset, buffer):
        view = memoryview(buffer)
        done = 0
        while done < len(view):
            page, at = divmod(offset + done, self.atom)
            part = view[done : done + self.atom - at]
            self._load(page)
            kept = memoryview(self._buffer)[_HEADER_SIZE + at : _HEADER_SIZE + at + len(part)]
            if kept != part:  # an interval that runs again writes the same bytes again, which need not wear the flash
                kept[:] = part
                self._dirty = True
            done += len(part)

    def _load(self, page):
        if page != self._loaded:
            self.sync()
            self._loaded = -1
            self._read(page, 0, memoryview(self._buffer)[_HEADER_SIZE:])
            self._loaded = page

    def sync(self):
        if not self._dirty:
            return
        for _ in range(_MOVES):
            if self._head - min(self._positions) > self._far:
                self._make_room()
                self._move_oldest()
        self._make_room()
        self._program(self._loaded, self._buffer)
        self._dirty = False

    # --- The ring of slots ------------------------------------------------------------------------------------------

    def _make_room(self):
        while self._room == 0:
            self._open_block()

    def _open_block(self):
        """Erases the block at the head, whose slots are all out of date, and sees to it that the next one's are, too.
        After the moves that sync() makes they are, unless torn programs have used up many slots."""
        if self._device.ioctl(_ERASE, self._head // self._per_block % self._blocks):
            raise OSError("the flash could not erase a block")
        self._room = self._per_block
        keep = self._oldest_kept(self._head)
        while min(self._positions) < keep:
            self._move_oldest()

    def _oldest_kept(self, block_start):
        """While the block that starts at this position is the newest, older positions than this one must be out of date
        before anything new may be written."""
        return block_start - (self._blocks - 2) * self._per_block

    def _move_oldest(self):
        oldest = min(self._positions)
        self._read_slot(oldest, self._copy)
        self._program(self._positions.index(oldest), self._copy)

    def _program(self, page, slot):
        position = self._head
        self._head += 1  # even if it fails: the slot is spoilt then
        self._room -= 1
        pack_into(_HEADER, slot, 0, 0, position, page)
        pack_into("<I", slot, 0, self._checksum(slot))
        block, at = self._place(position)
        if self._device.writeblocks(block, slot, at):
            raise OSError("the flash could not be programmed")
        self._positions[page] = position

    def _read_slot(self, position, buffer, begin=0):
        block, at = self._place(position)
        if self._device.readblocks(block, buffer, at + begin):
            raise OSError("the flash could not be read")

    def _place(self, position):
        """(block, byte in the block)"""
        block, slot = divmod(position, self._per_block)
        return block % self._blocks, slot * self._page

    def _checksum(self, slot):
        """Starts from the memory's size, so that what another geometry wrote is foreign."""
        return crc32(memoryview(slot)[_CRC_SIZE:], self._size)

    # --- Recovery ---------------------------------------------------------------------------------------------------

    def _recover(self):
        newest = self._scan(_NEVER)
        block_start = newest - newest % self._per_block
        if newest >= 0 and min(self._positions) >= self._oldest_kept(block_start):
            self._room = self._erased_slots(block_start)
            self._head = block_start + self._per_block - self._room
            return
        # Nothing there yet; or power failed in _open_block, while the newest block held nothing but copies: start it anew.
        self._scan(block_start)
        self._room = 0
        self._head = max(0, block_start)

    def _scan(self, limit):
        """Finds the newest slot of each page, among those below position `limit`. Returns the highest position, -1 if
        there is none."""
        pages = -(-self._size // self.atom)
        self._positions = [_NEVER] * pages
        newest = -1
        slots = self._blocks * self._per_block
        for slot in range(slots):
            self._read_slot(slot, self._copy)
            checksum, position, page = unpack_from(_HEADER, self._copy)
            known = position < limit and position % slots == slot and page < pages
            if known and checksum == self._checksum(self._copy):
                newest = max(newest, position)
                if self._positions[page] == _NEVER or self._positions[page] < position:
                    self._positions[page] = position
        return newest

    def _erased_slots(self, block_start):
        """Slots at the end of a block that nothing was programmed in."""
        for count in range(self._per_block):
            self._read_slot(block_start + self._per_block - 1 - count, self._copy)
            if min(self._copy) != 0xFF:
                return count
        return self._per_block


# --- What it costs (for planning; the numbers are those of FlashNVM's arguments) -------------------------------------


def _move_distance(size, blocks, block_size, page):
    """Slots between the oldest page and the head beyond which pages are moved: as late as leaves two moves per page
    written time to move them all. Raises ValueError where the flash is too small for that, or the page for the flash."""
    per_block = block_size // page
    pages = -(-size // (page - _HEADER_SIZE))
    if block_size % page or per_block < 1 + _MOVES:
        raise ValueError(f"page must divide the flash's block of {block_size} bytes in 4 or more")
    distance = (blocks - 2) * per_block - (pages + 1) // 2 - 3
    if distance <= pages:
        needed = 2 + -(-(pages + 1 + (pages + 1) // 2 + 3) // per_block)
        raise ValueError(f"{size} bytes need {needed} blocks of flash, there are {blocks}; use a larger partition")
    return distance


def erases_per_write(length, size, blocks, block_size, page=256):
    """Block erases that a write() of `length` bytes and its sync() cost, on average over many and at most. A float."""
    distance = _move_distance(size, blocks, block_size, page)
    atom = page - _HEADER_SIZE
    pages = -(-size // atom)
    touched = (length + atom - 2) // atom + 1  # at an offset that suits it least
    moved = min(1 + _MOVES, distance / (distance - pages))  # a page is moved once at most while the head moves `distance`
    return touched * moved * page / block_size


def writes_until_worn(length, size, blocks, block_size, page=256, endurance=FlashNVM.endurance):
    """How many such writes the flash bears, at least, if each of its blocks bears `endurance` erases. A float."""
    return blocks * endurance / erases_per_write(length, size, blocks, block_size, page)
