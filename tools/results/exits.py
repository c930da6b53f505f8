"""Early exits of one network: trained and measured as freeml-pack does it, and compared."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import freeml_pack
import numpy as np
from freeml_pack.build import Built, build
from freeml_pack.data import Data
from freeml_pack.exits import ExitResult, Trained, measure, set_thresholds, train_exits
from freeml_pack.exits.thresholds import leave
from freeml_pack.exits.train import TRUST
from freeml_pack.files import write_whole
from freeml_pack.graph import Graph
from freeml_pack.scores import int8_labels

from results.exits_backbone import Backbone, backbone
from results.exits_rivals import Samples, full_heads, gnet, separate_heads
from results.networks import Network
from results.train import baseline, say

EXITS = {"fashion": "2,5"}
"""Where "auto" would leave nothing to compare: this network has nearly all of its work in its second convolution."""

BLOB = "exits.fml"
_PARTS = ("exits", "quantize", "compress", "exit_head.py")
_HEAD_CLASS_BYTES = 8  # of a head of its own, for each class, besides its weights: bias, multiplier


@dataclass(frozen=True)
class Exit:
    """Accuracies 0..1 of all test samples. ours: in int8, by the C core; everything else: in float32."""

    layer: str
    pool: tuple[int, int]
    work: float  # share of the multiply-accumulates, 0..1
    share: float  # of the samples that leave here, 0..1
    ours: float
    ours_float: float
    calibration_error: float
    separate: float
    gnet: float
    gnet_taught: float
    full: float


@dataclass(frozen=True)
class Figures:
    """Bytes: of the blob without exits and the float32 network; what exits add to blob and nonvolatile memory; weights, biases,
    multipliers of heads on full feature maps. Accuracy: of the last layer, int8. seconds: that training the head took."""

    network: str
    ratio: int  # asked for
    epochs: int
    float32_bytes: int
    blob_bytes: int
    samples: int
    accuracy: float
    early_accuracy: float  # with the exits that the thresholds choose
    early_work: float  # that this takes, share of the multiply-accumulates
    added_blob: int
    added_nvm: int
    full_bytes: int
    seconds: float
    exits: list[Exit]

    @property
    def memory_ratio(self) -> float:
        return self.full_bytes / (self.added_blob + self.added_nvm)


def figures(network: Network, sources: Path, work: Path, ratio: int, epochs: int, *, again: bool = False) -> Figures:
    """Those that an earlier run kept, where nothing they depend on has changed."""
    folder = work / network.name
    data = network.dataset.open(network.dataset.write(sources, work / "data"))
    trained = baseline(network, data, folder)
    key = hashlib.sha256(repr((trained.weights.read_bytes(), ratio, epochs, _program())).encode()).hexdigest()[:16]
    kept = folder / "exits.json"
    if kept.exists() and not again:
        found = json.loads(kept.read_text())
        if found.pop("key") == key:
            return read(found)
    say(f"{network.name}: compressing to 1/{ratio}, or taking over what is compressed already")
    made, blob = _measured(network, data, backbone(network, trained, data, folder, ratio, epochs), ratio, epochs)
    write_whole(folder / BLOB, blob)
    write_whole(kept, json.dumps({"key": key, **asdict(made)}, indent=1).encode())
    return made


def blob_with_exits(network: Network, sources: Path, work: Path, ratio: int, epochs: int) -> bytes:
    """That of `figures`, with the same arguments."""
    path = work / network.name / BLOB
    figures(network, sources, work, ratio, epochs, again=not path.exists())
    return path.read_bytes()


def read(found: dict[str, object]) -> Figures:
    """The inverse of asdict, from JSON."""
    rows = found.pop("exits")
    assert isinstance(rows, list)
    exits = [Exit(**row | {"pool": tuple(row["pool"])}) for row in rows]
    return Figures(exits=exits, **found)  # type: ignore[arg-type]


def _program() -> str:
    """What the result depends on besides data and options."""
    root = Path(freeml_pack.__file__).parent
    files = [
        path for name in _PARTS for path in ([root / name] if name.endswith(".py") else sorted((root / name).glob("*.py")))
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _measured(network: Network, data: Data, base: Backbone, ratio: int, epochs: int) -> tuple[Figures, bytes]:
    """And the blob with exits."""
    assert data.train is not None
    assert data.test is not None
    seed = network.recipe.seed
    begun = time.monotonic()
    trained = train_exits(base.graph, data.train, EXITS.get(network.name, "auto"), seed)
    assert trained is not None, "each of these networks has a place for an exit"
    seconds = time.monotonic() - begun
    say(f"{network.name}: head of {len(trained.head)} exits trained in {seconds:.1f} s; building and measuring blobs")
    split, indices = data.calibration(seed=seed)
    plain = build(base.graph, split.values(indices), base.target)
    larger = build(base.graph, split.values(indices), base.target, head=trained.head)
    larger = set_thresholds(larger, trained, data.train)
    everything = np.arange(len(data.test))
    scores = larger.engine.run_exits(data.test.raw(larger.graph.sample, everything))
    ours = measure(larger, base.graph, trained, (data.test, everything, scores))
    labels = data.test.y
    assert labels is not None
    taken = np.array([result.share or 0 for result in ours])
    work = np.array([*(result.macs for result in ours), larger.graph.macs()]) / plain.graph.macs()
    last = _accuracy(larger, scores[:, -1], labels)
    made = Figures(
        network=network.name,
        ratio=ratio,
        epochs=epochs,
        float32_bytes=base.float32_bytes,
        blob_bytes=len(plain.blob),
        samples=len(labels),
        accuracy=last,
        early_accuracy=_early_accuracy(larger, scores, labels),
        early_work=float(np.append(taken, 1 - taken.sum()) @ work),
        added_blob=len(larger.blob) - len(plain.blob),
        added_nvm=larger.costs.nvm - plain.costs.nvm,
        full_bytes=_full_bytes(base.graph, trained),
        seconds=round(seconds, 1),
        exits=_compared(network, data, base.graph, trained, ours, plain.graph.macs()),
    )
    return made, larger.blob


def _accuracy(built: Built, scores: np.ndarray, labels: np.ndarray) -> float:
    quant = built.graph.tensors[built.graph.output].quant
    assert quant is not None
    return float((int8_labels(scores, quant.zero_point) == labels).mean())


def _early_accuracy(built: Built, scores: np.ndarray, labels: np.ndarray) -> float:
    taken = leave(scores, [exit.threshold for exit in built.graph.exits])
    return float((scores[np.arange(len(labels)), taken].argmax(1) == labels).mean())


def _full_bytes(graph: Graph, trained: Trained) -> int:
    classes = graph.tensors[graph.output].size
    maps = [prod(graph.tensors[place.tensor].shape) for place in trained.places]
    return sum(classes * (size + _HEAD_CLASS_BYTES) for size in maps)


def _compared(
    network: Network, data: Data, graph: Graph, trained: Trained, ours: tuple[ExitResult, ...], macs: int
) -> list[Exit]:
    assert data.train is not None
    assert data.test is not None
    samples = Samples(data.train, data.test, trained.learned, trained.held_out)
    seen = samples.look(graph, trained.places)
    say(f"{network.name}: training separate heads on the same features")
    separate = separate_heads(*seen)
    say(f"{network.name}: training gNet")
    published, taught = gnet(*seen, 0.0), gnet(*seen, TRUST)
    say(f"{network.name}: training separate heads on full feature maps")
    full = full_heads(graph, trained.places, samples)
    rows = []
    for depth, result in enumerate(ours):
        assert result.int8_accuracy is not None
        assert result.float_accuracy is not None
        assert result.calibration_error is not None
        assert result.share is not None
        rows.append(
            Exit(
                layer=result.layer,
                pool=result.pool,
                work=result.macs / macs,
                share=result.share,
                ours=result.int8_accuracy,
                ours_float=result.float_accuracy,
                calibration_error=result.calibration_error,
                separate=separate[depth],
                gnet=published[depth],
                gnet_taught=taught[depth],
                full=full[depth],
            )
        )
    return rows
