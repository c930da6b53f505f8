"""Any bytes with right checksums: the verifier reads nothing outside them, and what it lets pass runs inside its buffers.

fuzz_driver.c with the core under the address and undefined-behaviour sanitizers. FREEML_FUZZ_BLOBS: how many (default 4000)."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import graphs
import pytest
from freeml_pack.blob import write_blob

ROOT = Path(__file__).resolve().parents[2]
INTERESTING = [0, 1, 2, 3, 4, 7, 31, 32, 127, 128, 254, 255]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is missing: the core cannot be built with sanitizers")
    program = tmp_path_factory.mktemp("fuzz") / "driver"
    sources = [ROOT / "tests" / "native" / "fuzz_driver.c", *(ROOT / "native" / "src").rglob("*.c")]
    flags = ["-std=c99", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    includes = ["-I", str(ROOT / "native" / "include"), "-I", str(ROOT / "native" / "src")]
    subprocess.run(["gcc", *flags, *includes, *map(str, sources), "-o", str(program)], check=True)
    return program


def mutated(blob: bytes, rng: random.Random) -> bytes:
    """A few bytes of the metadata, seldom of the constants, replaced; then both checksums set right."""
    damaged = bytearray(blob)
    (metadata_size,) = struct.unpack_from("<I", blob, 8)
    for _ in range(rng.randint(1, 4)):
        end = metadata_size if rng.random() < 0.8 else len(blob)
        position = rng.randrange(20, end)
        near = (damaged[position] + rng.choice([-1, 1])) % 256
        damaged[position] = rng.choice([*INTERESTING, near, rng.randrange(256)])
    weights_crc = zlib.crc32(blob[metadata_size:]).to_bytes(4, "little")
    at = blob.index(weights_crc, 20, metadata_size)
    damaged[at : at + 4] = zlib.crc32(damaged[metadata_size:]).to_bytes(4, "little")
    struct.pack_into("<I", damaged, 16, zlib.crc32(damaged[:16] + damaged[20:metadata_size]))
    return bytes(damaged)


def test_sealed_nonsense(driver: Path, tmp_path: Path) -> None:
    rng = random.Random(0)
    count = int(os.environ.get("FREEML_FUZZ_BLOBS", "4000"))
    originals = [write_blob(graph, graphs.tight_plan(graph)) for graph in (graphs.chain(), graphs.every_kind())]
    blobs = [mutated(rng.choice(originals), rng) for _ in range(count)]
    file = tmp_path / "blobs"
    file.write_bytes(b"".join(struct.pack("<I", len(blob)) + blob for blob in (*originals, *blobs)))
    result = subprocess.run([driver, file], capture_output=True, text=True)
    assert result.returncode == 0, f"rng seed 0, the last blob named: {result.stderr[-4000:]}"
    statuses = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
    assert len(statuses) == count + 2
    assert statuses[:2] == [(0, 0), (0, 0)]
    assert all(mapped == streamed for mapped, streamed in statuses)
    refused = sum(mapped < 0 for mapped, _ in statuses)
    assert 0.3 * count < refused < 0.95 * count  # both outcomes are exercised
