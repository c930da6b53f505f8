"""What a Model takes of the heap, and what it says where that is too little."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from boards.conftest import start
from boards.emulator import Emulator
from freeml_pack.engine import Engine
from packed import Packed

pytestmark = pytest.mark.xdist_group("boards")
MOST_BEYOND = 1536  # bytes of the heap beyond arena (with the journal) and scratch

MEASURE = """
import gc, machine, sys
import freeml_core as core
from freeml import Model
def used(open_it):
    gc.collect()
    before = gc.mem_alloc()
    model = open_it()
    gc.collect()
    print(gc.mem_alloc() - before)
try:
    Model("/rom/model.fml")
    used(lambda: Model("/rom/model.fml"))
    used(lambda: Model("/rom/model.fml", nvm="/model.nvm"))
    used(lambda: Model("/model.fml"))
    with open("/model.fml", "rb") as file:
        print(core.metadata_size(file.read(core.HEADER_SIZE), file.seek(0, 2)))
except BaseException as error:
    sys.print_exception(error)
machine.reset()
"""


@pytest.fixture
def board(source: Path, tmp_path: Path, package: dict[str, bytes], native: Callable[[str], bytes], lenet5: Packed) -> Emulator:
    """A board with package, native module, and the blob in both file systems."""
    emulator = start("m3", source, tmp_path)
    files = {f"/lib/{name}": content for name, content in (package | {"freeml_core.mpy": native("armv7m")}).items()}
    emulator.install(files | {"/model.fml": lenet5.blob}, rom={"model.fml": lenet5.blob})
    return emulator


def test_romfs_is_used_in_place(board: Emulator, lenet5: Packed) -> None:
    """Of a file, the metadata are copied; what is streamed through scratch is larger than scratch without streaming."""
    engine, streaming = Engine(lenet5.blob), Engine(lenet5.blob, streamed=True)
    board.change_flash("/main.py", MEASURE.encode())
    output, _ = board.run()
    in_place, with_file, streamed, metadata = map(int, output.split())
    assert in_place <= engine.nvm_size + engine.scratch_size + MOST_BEYOND
    assert with_file <= engine.arena_size + engine.scratch_size + MOST_BEYOND
    assert streamed <= streaming.nvm_size + streaming.scratch_size + metadata + MOST_BEYOND
    assert in_place < streamed < len(lenet5.blob)


TOO_LITTLE = """
import gc, machine, sys
from freeml import Model
def attempt(free):
    gc.collect()
    hog = []
    while gc.mem_free() > free:
        hog.append(bytearray(100))
    try:
        Model("/rom/model.fml")
        print("opened")
    except MemoryError as error:
        print(error)
attempt(2000)
attempt({enough})
machine.reset()
"""


def test_missing_memory_is_counted(board: Emulator, lenet5: Packed) -> None:
    engine = Engine(lenet5.blob)
    needed = engine.nvm_size + engine.scratch_size
    board.change_flash("/main.py", TOO_LITTLE.format(enough=needed + MOST_BEYOND + 500).encode())
    output, _ = board.run()
    found = re.match(
        r"the network needs (\d+) bytes of RAM, the heap lacks (\d+) of them; "
        r"pack it with freeml-pack --ram (\d+), or free some memory\nopened\n",
        output,
    )
    assert found, output
    said, missing, ram = map(int, found.groups())
    assert said == needed
    assert missing == said - ram
    assert 0 < ram <= 2000


def test_a_native_module_that_does_not_fit(board: Emulator) -> None:
    board.change_flash(
        "/main.py",
        b"""
import gc, machine
hog = bytearray(gc.mem_free() - 12000)
try:
    import freeml_core
except MemoryError as error:
    print("as always:", error)
try:
    import freeml._core
except MemoryError as error:
    print(error)
machine.reset()
""",
    )
    output, _ = board.run()
    assert re.search(
        r"\nfreeml_core: .*\d+.*; import freeml first thing, or compile freeml_core into the firmware\n$", output
    ), output
