"""An MSP430FR5994 to be scripted: load an ELF file, run it, cut its power, count what it does. ../README.md has examples."""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from build_sim430 import load

_module = load()
_ffi: Any = _module.ffi
_lib: Any = _module.lib

SRAM = range(0x1C00, 0x3C00)
FRAM = range(0x4000, 0x44000)
RESET_VECTOR = 0xFFFE
FRCTL0 = 0x140
RETURN = 0x3FFE  # vacant: where a called function returns to
FOREVER = 2**64 - 1


class Stop(enum.IntEnum):
    """Why a run ended; see sim430_stop in sim430.h."""

    LIMIT = 1
    HALT = 2
    TEXT = 3
    OFF = 4
    CUT = 5
    BAD_OPCODE = 6
    BAD_ADDRESS = 7
    BAD_PASSWORD = 8
    UNSUPPORTED = 9


class Cut(enum.IntEnum):
    """What becomes of the FRAM write that a power failure hits."""

    BEFORE = 0
    AFTER = 1
    TORN = 2


class DeviceError(Exception):
    """The program did what it must not: the message says what, and at which instruction."""


@dataclass(frozen=True)
class Access:
    fetches: int
    reads: int
    writes: int


@dataclass(frozen=True)
class Counters:
    """Since the simulator was made; wait_cycles are part of cycles."""

    instructions: int
    cycles: int
    wait_cycles: int
    peripherals: Access
    sram: Access
    fram: Access


@dataclass(frozen=True)
class Cost:
    """Of a function without the functions that it calls; wait cycles included."""

    calls: int
    instructions: int
    cycles: int


@dataclass(frozen=True)
class Image:
    """Bytes to be loaded: (address, bytes) pairs; symbols: name to address; functions: name to range of addresses."""

    segments: tuple[tuple[int, bytes], ...]
    symbols: dict[str, int]
    functions: dict[str, range]

    @staticmethod
    def from_elf(path: Path) -> Image:
        """An ELF file, loaded at physical addresses."""
        from elftools.elf.elffile import ELFFile
        from elftools.elf.sections import SymbolTableSection

        with open(path, "rb") as file:
            elf = ELFFile(file)
            segments = tuple(
                (segment["p_paddr"], segment.data())
                for segment in elf.iter_segments()
                if segment["p_type"] == "PT_LOAD" and segment["p_filesz"] > 0
            )
            table = elf.get_section_by_name(".symtab")
            every = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
            entries = [s for s in every if s.name and s["st_shndx"] != "SHN_UNDEF"]
            symbols = {s.name: s["st_value"] for s in entries}
            functions = {
                s.name: range(s["st_value"], s["st_value"] + s["st_size"])
                for s in entries
                if s["st_info"]["type"] == "STT_FUNC"
            }
        return Image(segments, symbols, functions)


class Sim430:
    """One device. It is made powered, with noise in SRAM and registers; FRAM holds 0xFF and the image."""

    def __init__(self, image: Image | None = None, seed: int = 1) -> None:
        self.image = image or Image((), {}, {})
        self._own(_lib.sim430_new())
        for address, data in self.image.segments:
            self.write(address, data)
        self.lose_power(seed)

    def _own(self, machine: Any) -> None:
        if machine == _ffi.NULL:
            raise MemoryError
        self._machine = _ffi.gc(machine, _lib.sim430_free)

    def clone(self) -> Sim430:
        """An independent copy, an armed cut included."""
        copy = object.__new__(Sim430)
        copy.image = self.image
        copy._own(_lib.sim430_clone(self._machine))
        return copy

    # --- running ----------------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        instructions: int = FOREVER,
        cycles: int = FOREVER,
        halt: int | str | None = None,
        text: str | None = None,
    ) -> Stop:
        """Runs on. halt: address or symbol. text: what the UART is to send. DeviceError where the program is wrong."""
        where = 0xFFFFFFFF if halt is None else self.address(halt)
        wanted = _ffi.NULL if text is None else text.encode()
        stop = Stop(_lib.sim430_run(self._machine, instructions, cycles, where, wanted))
        if stop >= Stop.BAD_OPCODE:
            raise DeviceError(self._describe(stop))
        return stop

    def _describe(self, stop: Stop) -> str:
        at, what = _ffi.new("uint32_t *"), _ffi.new("uint32_t *")
        _lib.sim430_fault(self._machine, at, what)
        name = next((f"{name}+{at[0] - f.start}" for name, f in self.image.functions.items() if at[0] in f), "")
        return f"{stop.name.lower().replace('_', ' ')} {what[0]:05x}, instruction at {at[0]:05x} {name}".rstrip()

    def lose_power(self, seed: int = 1) -> None:
        """Power goes and comes back: SRAM and registers are noise of `seed`, FRAM is kept, the reset vector is taken."""
        _lib.sim430_lose_power(self._machine, seed & 0xFFFFFFFF)

    def set_supply(self, millivolts: int) -> None:
        """What the program measures as its supply; 3,000 at first. Nothing else depends on it."""
        _lib.sim430_set_supply(self._machine, millivolts)

    def cut_at_write(self, number: int, how: Cut = Cut.BEFORE, seed: int = 1) -> None:
        """Lets power fail in the number-th FRAM write from now (from 1). A run then ends with Stop.CUT."""
        if number < 1:
            raise ValueError("the first write is number 1")
        _lib.sim430_cut_at_write(self._machine, number, how, seed & 0xFFFFFFFF)

    def call(self, function: int | str, *words: int, cycles: int = 10_000_000, is_large: bool = False) -> int:
        """Calls a C function (MSP430 EABI, SLAA534): 16-bit words go to R12..R15, then onto the stack; 32-bit arguments are two
        words, the low one first. Returns R13:R12. is_large: the function ends with RETA. TimeoutError, DeviceError."""
        stack = struct.pack("<I" if is_large else "<H", RETURN) + struct.pack(f"<{len(words[4:])}H", *words[4:])
        top = SRAM.stop - len(stack) - len(stack) % 2
        self.write(top, stack)
        self.set_register(1, top)
        for number, word in zip(range(12, 16), words, strict=False):
            self.set_register(number, word & 0xFFFF)
        self.set_register(2, 0)
        self.set_register(0, self.address(function))
        stop = self.run(cycles=cycles, halt=RETURN)
        if stop is Stop.LIMIT:
            raise TimeoutError(f"{function} did not return in {cycles} cycles")
        if stop is not Stop.HALT:
            raise DeviceError(f"{function} ended with {stop.name}")
        return (self.register(13) & 0xFFFF) << 16 | self.register(12) & 0xFFFF

    # --- state ------------------------------------------------------------------------------------------------------

    def address(self, place: int | str) -> int:
        """The address of a symbol; KeyError where there is none."""
        return self.image.symbols[place] if isinstance(place, str) else place

    def read(self, place: int | str, size: int) -> bytes:
        """Bytes of SRAM or FRAM; ValueError elsewhere."""
        buffer = bytearray(size)
        if not _lib.sim430_read(self._machine, self.address(place), _ffi.from_buffer(buffer), size):
            raise ValueError(f"no memory at {place}, {size} bytes")
        return bytes(buffer)

    def write(self, place: int | str, data: bytes) -> None:
        """Writes SRAM or FRAM, uncounted; ValueError elsewhere."""
        if not _lib.sim430_write(self._machine, self.address(place), _ffi.from_buffer(data), len(data)):
            raise ValueError(f"no memory at {place}, {len(data)} bytes")

    def register(self, number: int) -> int:
        return int(_lib.sim430_register(self._machine, number))

    def set_register(self, number: int, value: int) -> None:
        _lib.sim430_set_register(self._machine, number, value & 0xFFFFF)

    @property
    def output(self) -> bytes:
        """Everything that the UART has sent."""
        size = _ffi.new("size_t *")
        data = _lib.sim430_output(self._machine, size)
        return bytes(_ffi.buffer(data, size[0])) if size[0] else b""

    # --- costs ------------------------------------------------------------------------------------------------------

    @property
    def counters(self) -> Counters:
        c = _lib.sim430_counted(self._machine)
        memories = (Access(m.fetches, m.reads, m.writes) for m in (c.memory[1], c.memory[2], c.memory[3]))
        return Counters(c.instructions, c.cycles, c.wait_cycles, *memories)

    def cost(self, addresses: range) -> Cost:
        """What the instructions there have cost; calls: how often the first one was executed."""
        entries = _ffi.new("uint32_t *")
        profile = _lib.sim430_profile(self._machine, entries)
        rows = [profile[at // 2] for at in range(addresses.start, max(addresses.stop, addresses.start + 2), 2)]
        return Cost(rows[0].instructions, sum(r.instructions for r in rows), sum(r.cycles for r in rows))

    def functions(self, names: Sequence[str] | None = None) -> dict[str, Cost]:
        """Cost of each function of the image that was called, the dearest first."""
        costs = {name: self.cost(where) for name, where in self.image.functions.items() if names is None or name in names}
        return dict(sorted(((n, c) for n, c in costs.items() if c.calls), key=lambda item: -item[1].cycles))
