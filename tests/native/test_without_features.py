"""The core without encodings and early exits: it needs none of their files, refuses blobs with encodings, and runs those with
exits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import graphs
import pytest
from freeml_pack.blob import write_blob
from freeml_pack.graph import Graph

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from code_size import FEATURES  # noqa: E402

MAIN = """
#include "freeml.h"
#include <stdio.h>
int main(int count, char **arguments) {
    static uint8_t blob[1 << 20];
    FILE *file = fopen(arguments[count - 1], "rb");
    const fml_source source = {blob, NULL, NULL, (uint32_t)fread(blob, 1, sizeof blob, file)};
    fml_model model;
    printf("%d\\n", fml_model_open(&model, &source, NULL, NULL, 0));
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("without")
    (folder / "main.c").write_text(MAIN)
    source = ROOT / "native" / "src"
    left_out = {file for files in FEATURES.values() for file in files}
    flags = [f"-DFML_WITHOUT_{name.upper()}" for name in FEATURES]
    files = [str(path) for path in source.rglob("*.c") if str(path.relative_to(source)) not in left_out]
    command = ["cc", "-Os", *flags, f"-I{ROOT / 'native' / 'include'}", str(folder / "main.c"), *files]
    subprocess.run([*command, "-o", str(folder / "open")], check=True)
    return folder / "open"


@pytest.mark.parametrize(("make", "status"), [(graphs.every_kind, 0), (graphs.with_exits, 0), (graphs.encoded, -7)])
def test_blobs_with_encodings_are_refused(make, status: int, program: Path, tmp_path: Path) -> None:
    graph: Graph = make()
    (tmp_path / "blob").write_bytes(write_blob(graph, graphs.roomy_plan(graph)))
    result = subprocess.run([program, tmp_path / "blob"], check=True, capture_output=True, text=True)
    assert int(result.stdout) == status
