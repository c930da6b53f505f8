"""What a Model takes of the heap, and what it says where that is too little."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from boards.conftest import start
from boards.emulator import Emulator
from packed import Packed

pytestmark = pytest.mark.xdist_group("boards")
MOST_BEYOND = 1536  # bytes of the heap beyond arena (with the journal) and scratch

# The board says itself what arena and scratch are: cores with fewer registers take more scratch than this computer's.
MEASURE = """
import gc, machine, sys
import freeml_core as core
from freeml import Model
def beyond(*arguments):
    gc.collect()
    before = gc.mem_alloc()
    model = Model(*arguments)
    gc.collect()
    arena = model._nvm if model._arena is None else model._arena
    print(gc.mem_alloc() - before - len(arena) - len(model._scratch), len(model._scratch))
try:
    Model("/rom/model.fml")
    beyond("/rom/model.fml")
    beyond("/rom/model.fml", "/model.nvm")
    beyond("/model.fml")
    with open("/model.fml", "rb") as file:
        print(core.metadata_size(file.read(core.HEADER_SIZE), file.seek(0, 2)), 0)
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


def test_romfs_is_used_in_place(board: Emulator) -> None:
    """Of a file, the metadata are copied; scratch is larger by what is streamed."""
    board.change_flash("/main.py", MEASURE.encode())
    output, _ = board.run()
    in_place, with_file, streamed, (metadata, _) = ([int(word) for word in line.split()] for line in output.splitlines())
    assert in_place[0] <= MOST_BEYOND
    assert with_file[0] <= MOST_BEYOND
    assert streamed[0] <= MOST_BEYOND + metadata
    assert in_place[1] == with_file[1] < streamed[1]


TOO_LITTLE = """
import gc, machine, sys
from freeml import Model
def attempt(free):
    gc.collect()
    model = Model("/rom/model.fml")
    needed = len(model._nvm) + len(model._scratch)
    model = None
    gc.collect()
    hog = []
    while gc.mem_free() > needed + free:
        hog.append(bytearray(100))
    try:
        Model("/rom/model.fml")
        print("opened")
    except MemoryError as error:
        print(error)
    print(needed)
attempt(-4000)
attempt(2036)
machine.reset()
"""


def test_missing_memory_is_counted(board: Emulator) -> None:
    board.change_flash("/main.py", TOO_LITTLE.encode())
    output, _ = board.run()
    found = re.match(
        r"the network needs (\d+) bytes of RAM, the heap lacks (\d+) of them; "
        r"pack it with freeml-pack --ram (\d+), or free some memory\n\1\nopened\n\1\n",
        output,
    )
    assert found, output
    needed, missing, ram = map(int, found.groups())
    assert missing == needed - ram
    assert 3500 < missing < 4500


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
        r"\nfreeml_core: .*\d+.*; import freeml first thing, take the smaller module \(tools/build_device.py --small\), "
        r"or compile freeml_core into the firmware\n$",
        output,
    ), output
