"""safetensors files, a state_dict without pickle: eight bytes with the length of the header, JSON by tensor name, numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from freeml_pack.errors import PackError
from freeml_pack.frontend.quiet import first_line, quiet

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name. PackError where the file is damaged or holds another kind of numbers."""
    content = bytearray(path.read_bytes())
    begin = 8 + int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8:begin].decode())
        numbers = memoryview(content)[begin:]
        return {name: _tensor(entry, numbers) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise PackError(f"{path} is a damaged safetensors file ({first_line(error)}); copy or save it again") from error


def _tensor(entry: dict[str, Any], numbers: memoryview) -> torch.Tensor:
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"numbers of type {entry['dtype']} are not known")
    dtype, (begin, end) = _DTYPES[entry["dtype"]], entry["data_offsets"]
    if not 0 <= begin <= end <= len(numbers):
        raise ValueError("it ends too early")
    with quiet():
        flat = torch.frombuffer(numbers[begin:end], dtype=dtype) if end > begin else torch.empty(0, dtype=dtype)
    return flat.reshape(entry["shape"])
