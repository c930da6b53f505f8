"""Results of a search's stages in a folder, so that an interrupted search goes on where it was. A file is whole or absent."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from freeml_pack.errors import PackError
from freeml_pack.files import write_whole

State = dict[str, Any]
"""Tensors and plain values, nested."""


class Checkpoints:
    """folder: None keeps nothing. key: what the search's result depends on; another search's folder is a PackError."""

    def __init__(self, folder: Path | None, key: Mapping[str, object]) -> None:
        self.folder = folder
        if folder is None:
            return
        text = json.dumps({name: str(value) for name, value in key.items()}, indent=1)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            kept = folder / "search.json"
            if not kept.exists():
                write_whole(kept, text.encode())
            elif kept.read_text() != text:
                raise PackError(
                    f"{folder} holds another search (other model, data or options); delete it or choose another --work-dir"
                )
        except OSError as error:
            raise PackError(f"cannot use the folder {folder} ({error.strerror}); choose another --work-dir") from error

    def load(self, name: str) -> State | None:
        path = self.folder / f"{name}.pt" if self.folder else None
        if path is None or not path.exists():
            return None
        try:
            state: State = torch.load(path, weights_only=True)
            return state
        except Exception as error:
            raise PackError(f"{path} is damaged; delete it and run the same command again") from error

    def save(self, name: str, state: State) -> None:
        if self.folder:
            file = io.BytesIO()
            torch.save(state, file)
            write_whole(self.folder / f"{name}.pt", file.getvalue())

    def remember(self, name: str, compute: Callable[[], State]) -> State:
        """What `compute` gave when it was first asked."""
        state = self.load(name)
        if state is None:
            state = compute()
            self.save(name, state)
        return state


def fingerprint(*parts: Any) -> str:
    """Of arrays and plain values."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if hasattr(part, "tobytes") else repr(part).encode())
    return digest.hexdigest()[:16]
