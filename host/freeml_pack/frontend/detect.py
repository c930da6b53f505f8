"""Tells by its first bytes, never by its name, what a model file is."""

from __future__ import annotations

import zipfile
from enum import Enum, auto
from pathlib import Path, PurePosixPath

from freeml_pack.errors import PackError

_HEAD = 4096
_SAVE = "with torch.export.save(torch.export.export(model, (example,)), 'model.pt2')"
_EXPORT_IT = f"load the model in PyTorch and save it {_SAVE}"
_NEEDS_PYTORCH = f"FreeML reads PyTorch models, so save the network it was made from {_SAVE}, rebuilt in PyTorch if need be"


class FileKind(Enum):
    EXPORTED = auto()  # torch.export.save
    TORCHSCRIPT = auto()  # torch.jit.save
    SAVED = auto()  # torch.save: a state_dict, a checkpoint or a whole module


def detect(path: Path) -> FileKind:
    """The kind of a file that a PyTorch model can be read from. Raises PackError for anything else, saying what it is."""
    if not path.exists():
        raise PackError(f"{path} does not exist; check the name of the model file")
    if path.is_dir():
        raise PackError(f"{path} is a directory; give the model file inside it")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise PackError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if not head:
        raise PackError(f"{path} is empty; copy or save the model again")
    if head.startswith(b"PK\x03\x04"):
        return _detect_archive(path)
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return FileKind.SAVED  # a pickle: torch.save before PyTorch 1.6
    raise PackError(f"{path} is {_describe(head, path.suffix)}")


def _detect_archive(path: Path) -> FileKind:
    incomplete = f"{path} is an incomplete archive (cut off while being saved or copied?); copy or save it again"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            begins = min((member.header_offset for member in archive.infolist()), default=0)
    except (zipfile.BadZipFile, OSError) as error:
        raise PackError(incomplete) from error
    if begins > 0:  # what is left is an archive inside the archive
        raise PackError(incomplete)
    parts = [PurePosixPath(name).parts for name in names]
    last = {part[-1] for part in parts if part}
    folders = {part[-2] for part in parts if len(part) > 1}
    if "serialized_exported_program.json" in last or "models" in folders:
        return FileKind.EXPORTED
    if "archive_format" in last:
        raise PackError(f"{path} holds compiled code (AOTInductor), not a model; save it with torch.export.save instead")
    if "constants.pkl" in last:
        return FileKind.TORCHSCRIPT
    if "data.pkl" in last:
        return FileKind.SAVED
    if "model.weights.h5" in last:
        raise PackError(f"{path} is a Keras model; {_NEEDS_PYTORCH}")
    if any(name.endswith(".npy") for name in last):
        raise PackError(f"{path} is a NumPy archive, not a model; give it to --data and name a PyTorch model file")
    raise PackError(f"{path} is a zip archive without a PyTorch model in it; {_EXPORT_IT}")


def _describe(head: bytes, suffix: str) -> str:
    """Rest of the sentence "FILE is ..."."""
    if head[4:8] == b"FML1":
        return "a FreeML blob already; copy it to the device as it is"
    if head[4:8] == b"TFL3":
        return f"a TensorFlow Lite model; {_NEEDS_PYTORCH}"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return f"an HDF5 file (Keras?); {_NEEDS_PYTORCH}"
    if head.startswith(b"\x93NUMPY"):
        return "a NumPy array, not a model; give it to --data and name a PyTorch model file"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000:
        return f"a safetensors file, which holds weights but no network; {_EXPORT_IT}"
    # An ONNX file is a protobuf that begins with field 1 (ir_version, a small number) and goes on with field 2 to 8.
    if (head[0] == 0x08 and len(head) > 3 and head[1] < 0x20 and head[2] & 7 == 2) or suffix == ".onnx":
        return f"an ONNX model; {_NEEDS_PYTORCH}"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the model itself; run 'git lfs pull' first"
    if head.lstrip()[:1] == b"<":
        return "a web page, not a model (a failed download?); download the model again"
    if _is_text(head):
        return f"a text file, not a model; {_EXPORT_IT}"
    return f"not a model file that FreeML knows; {_EXPORT_IT}"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", "strict" if len(head) < _HEAD else "ignore")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)
