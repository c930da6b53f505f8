"""Output files: checked before the work begins, written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from freeml_pack.errors import PackError


def check_writable(path: Path, inputs: list[Path]) -> None:
    """PackError where `path` cannot be written, or is one of the inputs."""
    if path.is_dir():
        raise PackError(f"the output {path} is a folder; name a file, such as {path / 'model.fml'}")
    if path.exists() and not path.is_file():  # replaced, /dev/null would be a file for everybody
        raise PackError(f"the output {path} is a device or a pipe; name an ordinary file, such as model.fml")
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise PackError(f"the output {path} is also an input; choose another name with -o")
    if _is_circle(path):
        raise PackError(f"the output {path} is a link that leads back to itself; remove it, or choose another name")
    folder = target_of(path).parent
    if not folder.is_dir():
        raise PackError(f"the folder {folder} of the output does not exist; create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PackError(f"the folder {folder} of the output is not writable; choose another one")


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that after any failure the old one is still there, or none. A link stays one. PackError where the disk
    refuses."""
    path = target_of(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PackError(f"cannot write {path}: {error.strerror}; free some space or choose another place with -o") from error


def target_of(path: Path) -> Path:
    """What a link leads to, existing or not; a path that is none, made absolute."""
    return Path(os.path.realpath(path))


def _is_circle(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False
