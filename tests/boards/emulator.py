"""Boards in QEMU: firmware of MicroPython's qemu port with flash, ROM partition and clock (folder firmware), built once.

A board is a folder on this computer: flash.img is its flash, which outlives resets, as QEMU is started anew for each."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import get_micropython
from freeml_pack.deploy import romfs
from littlefs import LittleFS

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = Path(__file__).resolve().parent / "firmware"
BUILDS = ROOT / "build" / "boards"
HEAP = 160 << 10
BLOCK_SIZE, BLOCKS = 1024, 512  # as flash.c has them
SECONDS = 60


@dataclass(frozen=True)
class Board:
    core: str
    arch: str  # of its native modules
    machine: tuple[str, ...]  # QEMU
    compiler: str
    make: tuple[str, ...]  # variables for firmware/mpconfigboard.mk
    rom: int  # address of the ROM partition

    @property
    def missing(self) -> str:
        """What has to be installed for it, or nothing."""
        return " and ".join(tool for tool in (self.machine[0], self.compiler) if not shutil.which(tool))


_ARM = "arm-none-eabi-gcc"
_MICROBIT = ("microbit", "-global", "nrf51-soc.flash-size=1048576", "-global", "nrf51-soc.sram-size=262144")
_RV32 = ("BASE=VIRT_RV32", "RV32_ARCH=rv32imc -misa-spec=2.2")  # Debian's library has no other

BOARDS = {
    "m0": Board("Cortex-M0", "armv6m", ("qemu-system-arm", *_MICROBIT), _ARM, ("BASE=MICROBIT",), 0x80000),
    "m3": Board("Cortex-M3", "armv7m", ("qemu-system-arm", "mps2-an385"), _ARM, ("BASE=MPS2_AN385",), 0x21000000),
    "m4": Board("Cortex-M4F", "armv7emsp", ("qemu-system-arm", "mps2-an386"), _ARM, ("BASE=MPS2_AN385", "MCU=m4"), 0x21000000),
    "rv32": Board(
        "RV32IMC", "rv32imc", ("qemu-system-riscv32", "virt", "-bios", "none"), "riscv64-unknown-elf-gcc", _RV32, 0x84000000
    ),
}


def firmware(source: Path, name: str, modules: Path | None = None) -> Path:
    """The firmware of a board, built where it is not there. modules: a folder of user C modules to compile in."""
    board = BOARDS[name]
    build = BUILDS / (f"{name}-{modules.name}" if modules else name)
    build.mkdir(parents=True, exist_ok=True)
    command = ["make", "-C", str(source / "ports" / "qemu"), f"-j{os.cpu_count() or 1}", "FROZEN_MANIFEST=", f"BUILD={build}"]
    command += [f"BOARD={name}", f"BOARD_DIR={FIRMWARE}", f"MICROPY_HEAP_SIZE={HEAP}", f"ROM_PARTITION={board.rom:#x}"]
    command += [*board.make, *([f"USER_C_MODULES={modules}"] if modules else [])]
    same_each_time = {"MICROPY_GIT_TAG": "emulated", "MICROPY_GIT_HASH": "", "SOURCE_DATE_EPOCH": "0"}
    with get_micropython.locked(build):
        _forget_old(build)
        result = subprocess.run(command, capture_output=True, text=True, env=os.environ | same_each_time)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return build / "firmware.elf"


def _forget_old(build: Path) -> None:
    """MicroPython's rules do not notice that the compiler's options have changed."""
    built, rules = build / "py" / "gc.o", FIRMWARE / "mpconfigboard.mk"
    if built.exists() and built.stat().st_mtime < rules.stat().st_mtime:
        for path in build.iterdir():
            if path.is_dir():
                shutil.rmtree(path)


def _flash_image(files: Mapping[str, bytes], blocks: int) -> bytes:
    """A littlefs with these files."""
    flash = LittleFS(block_size=BLOCK_SIZE, block_count=blocks)
    for path, content in files.items():
        flash.makedirs(str(Path(path).parent), exist_ok=True)
        with flash.open(path, "wb") as file:
            file.write(content)
    return bytes(flash.context.buffer)


def _open_flash(image: bytes) -> LittleFS:
    flash = LittleFS(block_size=BLOCK_SIZE, block_count=len(image) // BLOCK_SIZE, mount=False)
    flash.context.buffer = bytearray(image)
    flash.mount()
    return flash


def _read_flash(image: bytes) -> dict[str, bytes]:
    """The files of a littlefs."""
    flash = _open_flash(image)
    paths = [f"{folder.rstrip('/')}/{name}" for folder, _, names in flash.walk("/") for name in names]
    return {path: flash.open(path, "rb").read() for path in paths}


@dataclass(frozen=True)
class Emulator:
    """A board: its flash and ROM partition in a folder, a firmware."""

    board: Board
    firmware: Path
    folder: Path

    def install(self, flash: Mapping[str, bytes], rom: Mapping[str, bytes] | None = None, blocks: int = BLOCKS) -> None:
        (self.folder / "flash.img").write_bytes(_flash_image(flash, blocks))
        (self.folder / "rom.img").write_bytes(romfs.image(rom or {}))

    def files(self) -> dict[str, bytes]:
        """What is in the flash, while the board is off."""
        return _read_flash((self.folder / "flash.img").read_bytes())

    def change_flash(self, path: str, content: bytes) -> None:
        """Writes one file, while the board is off."""
        flash = _open_flash((self.folder / "flash.img").read_bytes())
        with flash.open(path, "wb") as file:
            file.write(content)
        (self.folder / "flash.img").write_bytes(bytes(flash.context.buffer))

    def run(self) -> tuple[str, bool]:
        """Switches the board on, with its main.py, which must end with machine.reset(). What it prints; whether power
        failed before its end."""
        result = subprocess.run(
            [*self._command(), "-serial", "stdio"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
        return result.stdout.decode().replace("\r\n", "\n"), result.returncode != 0

    @contextmanager
    def serial(self) -> Iterator[str]:
        """The path of its serial port, while it is switched on."""
        process = subprocess.Popen(
            [*self._command(), "-serial", "pty"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout
            line = process.stdout.readline()  # char device redirected to /dev/pts/5 (label serial0)
            assert "/dev/" in line, line
            yield next(word for word in line.split() if word.startswith("/dev/"))
        finally:
            process.kill()
            process.wait()

    def _command(self) -> list[str]:
        program, *machine = self.board.machine
        loader = f"loader,file=rom.img,addr={self.board.rom:#x},force-raw=on"
        options = ["-display", "none", "-monitor", "null", "-semihosting", "-device", loader]
        return [program, "-machine", *machine, *options, "-kernel", str(self.firmware)]
