"""Training: the epoch that every method shares, and a network's first training, which can be interrupted and continued."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from freeml_pack.data import Data, Split
from freeml_pack.files import write_whole
from torch import nn

from results.augment import Augment, none
from results.networks import Network

_EVALUATED = 500  # samples at a time


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Samples:
    """Those of a split that are trained on, and how: `augment` varies them, `smoothing` is that of the labels."""

    split: Split
    chosen: np.ndarray
    augment: Augment = none
    batch: int = 128
    smoothing: float = 0.0

    @property
    def steps(self) -> int:
        """Batches of an epoch; a last incomplete one is left out, as batch norm needs many samples."""
        return max(1, len(self.chosen) // self.batch)

    def batches(self, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch, in an order and with variations that `seed` decides."""
        generator = torch.Generator().manual_seed(seed)
        order = self.chosen[torch.randperm(len(self.chosen), generator=generator).numpy()]
        for step in range(self.steps):
            picked = order[step * self.batch : (step + 1) * self.batch]
            yield self.augment(torch.from_numpy(self.split.normalised(picked)), generator), labels(self.split, picked)


def labels(split: Split, chosen: np.ndarray | slice = slice(None)) -> torch.Tensor:
    assert split.y is not None
    return torch.from_numpy(split.y[chosen])


def train_epoch(
    module: nn.Module,
    samples: Samples,
    seed: int,
    optimizer: torch.optim.Optimizer,
    after_step: Callable[[], None] = lambda: None,
) -> float:
    """One pass over the samples; the mean loss. Channels last and bfloat16 make it three times as fast on recent processors
    (multiplications only: weights, sums and the optimizer stay float32)."""
    fast = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    module.train()
    total = torch.zeros(())
    for x, y in samples.batches(seed):
        if x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            scores = module(x)
        loss = nn.functional.cross_entropy(scores.float(), y, label_smoothing=samples.smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after_step()
        total += loss.detach()
    return float(total) / samples.steps


def channels_last(module: nn.Module) -> nn.Module:
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def accuracy(module: nn.Module, split: Split, chosen: np.ndarray | None = None) -> float:
    """Share 0..1 of right labels, in float32."""
    chosen = np.arange(len(split)) if chosen is None else chosen
    module.eval()
    right = 0
    with torch.no_grad():
        for picked in np.array_split(chosen, max(1, -(-len(chosen) // _EVALUATED))):
            scores = module(torch.from_numpy(split.normalised(picked)))
            right += int((scores.argmax(1) == labels(split, picked)).sum())
    return right / len(chosen)


@dataclass(frozen=True)
class Baseline:
    """A trained network: `model` is what freeml-pack takes, `weights` the same as a state_dict."""

    model: Path
    weights: Path
    accuracy: float  # 0..1, float32, of the test samples
    seconds: float  # that training took


def baseline(network: Network, data: Data, folder: Path) -> Baseline:
    """Trains the network, or takes the one that `folder` holds from an earlier run with the same recipe. Interrupted, it goes
    on after the last whole epoch, with the same result."""
    made = folder / "baseline.json"
    key = _key(network, data)
    if made.exists():
        found = json.loads(made.read_text())
        if found.pop("key") == key:
            return Baseline(folder / "model.pt", folder / "weights.pt", **found)
    folder.mkdir(parents=True, exist_ok=True)
    assert data.train is not None
    assert data.test is not None
    given = network.checkpoint
    module, seconds = _given(network, given) if given else _trained(network, data, folder, key)
    module.eval()
    measured = {"accuracy": accuracy(module, data.test), "seconds": round(seconds, 1)}
    _save(module, network, folder)
    write_whole(made, json.dumps({"key": key, **measured}, indent=1).encode())
    (folder / "training.pt").unlink(missing_ok=True)
    say(f"{network.name}: trained, test accuracy {measured['accuracy']:.2%}")
    return Baseline(folder / "model.pt", folder / "weights.pt", **measured)


def load(network: Network, weights: Path) -> nn.Module:
    module = network.build()
    module.load_state_dict(torch.load(weights, weights_only=True))
    return module.eval()


def _key(network: Network, data: Data) -> str:
    """Of everything that decides the result."""
    decides = (repr(network.build()), asdict(network.recipe), network.dataset.flags, network.dataset.augment.__name__)
    checkpoint = hashlib.sha256(network.checkpoint.read_bytes()).hexdigest() if network.checkpoint else ""
    return hashlib.sha256(repr((decides, checkpoint, data.train and len(data.train))).encode()).hexdigest()[:16]


def _given(network: Network, checkpoint: Path) -> tuple[nn.Module, float]:
    module = network.build()
    with checkpoint.open("rb") as file:  # by its name, torch would take it for something else and warn
        module.load_state_dict(torch.export.load(file).state_dict)
    return module, 0.0


def _trained(network: Network, data: Data, folder: Path, key: str) -> tuple[nn.Module, float]:
    recipe, kept = network.recipe, folder / "training.pt"
    last = recipe.epochs
    assert data.train is not None
    chosen = np.arange(len(data.train))
    samples = Samples(data.train, chosen, network.dataset.augment, recipe.batch, recipe.label_smoothing)
    torch.manual_seed(recipe.seed)
    module = channels_last(network.build())
    for layer in module.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    optimizer = torch.optim.AdamW(module.parameters(), recipe.rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=last * samples.steps)
    parts: dict[str, Any] = {"module": module, "optimizer": optimizer, "schedule": schedule}
    epoch, seconds = _continue(kept, key, parts)
    for now in range(epoch, last):
        begun = time.monotonic()
        loss = train_epoch(module, samples, recipe.seed * 1000 + now, optimizer, schedule.step)
        took = time.monotonic() - begun
        seconds += took
        states = {name: part.state_dict() for name, part in parts.items()}
        write_state(kept, {"key": key, "epoch": now + 1, "seconds": seconds, **states})
        left = took * (last - now - 1) / 60
        say(f"{network.name}: epoch {now + 1}/{last}, loss {loss:.3f}, {took:.1f} s, {left:.1f} min left")
    return module, seconds


def _continue(kept: Path, key: str, parts: dict[str, Any]) -> tuple[int, float]:
    """Epochs done and seconds spent, with the parts set to what they were."""
    if not kept.exists():
        return 0, 0.0
    state = torch.load(kept, weights_only=True)
    if state["key"] != key:
        return 0, 0.0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return state["epoch"], state["seconds"]


def _save(module: nn.Module, network: Network, folder: Path) -> None:
    module = module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    write_state(folder / "weights.pt", module.state_dict())
    example = torch.zeros(2, *network.dataset.input_shape)
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (example,), dynamic_shapes=({0: batch},))
    file = io.BytesIO()
    torch.export.save(program, file)
    write_whole(folder / "model.pt", file.getvalue())


def write_state(path: Path, state: object) -> None:
    """As torch.save, whole or not at all."""
    file = io.BytesIO()
    torch.save(state, file)
    write_whole(path, file.getvalue())
