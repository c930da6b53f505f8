"""Where a blob lies, and what Python needs to know of its metadata."""

from struct import unpack_from

# Fields of the table Model, tensors' fields in bytes: schema/model.fbs.
_TENSORS = 9
_SAMPLE_SHAPE = 13
_INPUT_SCALE = 14
_INPUT_OFFSET = 15
_INPUT_REPEAT = 16
_EXITS = 19
_EXIT_SIZE = 12
_TENSOR_SIZE = 16
_TENSOR_ZERO_POINT = 10
_TENSOR_SCALE = 12


class BlobFile:
    """A blob in a file system, read piece by piece: it may be larger than RAM."""

    def __init__(self, file):
        self._file = file
        self._size = file.seek(0, 2)

    def __len__(self):
        return self._size

    def readinto(self, offset, buffer):
        self._file.seek(offset)
        if self._file.readinto(buffer) != len(buffer):
            raise OSError("the blob's file has become shorter")


def open_blob(source):
    """A buffer or a BlobFile. source: bytes-like, or a file name; files in ROMFS are used where they lie."""
    if not isinstance(source, str):
        return source
    try:
        file = open(source, "rb")
    except OSError as error:
        raise OSError(error.errno, source) from None
    try:
        return memoryview(file)
    except TypeError:
        return BlobFile(file)


class Metadata:
    """Reads the FlatBuffer; its checksum has been verified by the core."""

    def __init__(self, metadata):
        self._bytes = metadata

    def _field(self, slot):
        """Position of a field's value, None where it has its default."""
        table = unpack_from("<I", self._bytes, 0)[0]
        vtable = table - unpack_from("<i", self._bytes, table)[0]
        entry = 4 + 2 * slot
        if entry >= unpack_from("<H", self._bytes, vtable)[0]:
            return None
        offset = unpack_from("<H", self._bytes, vtable + entry)[0]
        return table + offset if offset else None

    def _vector(self, slot):
        """(length, position of the first element)"""
        at = self._field(slot)
        if at is None:
            return 0, 0
        at += unpack_from("<I", self._bytes, at)[0]
        return unpack_from("<I", self._bytes, at)[0], at + 4

    def _numbers(self, slot, code):
        length, at = self._vector(slot)
        return unpack_from(f"<{length}{code}", self._bytes, at)

    def quantization(self, tensor):
        """(scale, zero_point) of a tensor: real = (q - zero_point) * scale."""
        at = self._vector(_TENSORS)[1] + tensor * _TENSOR_SIZE
        return (
            unpack_from("<f", self._bytes, at + _TENSOR_SCALE)[0],
            unpack_from("<b", self._bytes, at + _TENSOR_ZERO_POINT)[0],
        )

    def exits(self):
        """A list of (tensor of the scores, threshold, temperature)."""
        length, at = self._vector(_EXITS)
        found = []
        for place in range(at, at + length * _EXIT_SIZE, _EXIT_SIZE):
            _, tensor, threshold, _, _, temperature = unpack_from("<HHBBHf", self._bytes, place)
            found.append((tensor, threshold, temperature))
        return found

    def sample_shape(self):
        return self._numbers(_SAMPLE_SHAPE, "H")

    def input_scaling(self):
        """(scales, offsets, repeat): element e of a float sample becomes round(x * scales[i] + offsets[i]),
        i = e // repeat % len(scales). Empty where the sample is the sensor's own integers."""
        at = self._field(_INPUT_REPEAT)
        repeat = unpack_from("<I", self._bytes, at)[0] if at is not None else 1
        return self._numbers(_INPUT_SCALE, "f"), self._numbers(_INPUT_OFFSET, "f"), repeat or 1
