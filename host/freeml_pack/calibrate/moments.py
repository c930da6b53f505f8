"""Second moments of what each convolution or linear layer sees, for `freeml_pack.quantize.rounding`."""

from __future__ import annotations

import numpy as np

from freeml_pack.graph import Conv2d, DepthwiseConv2d, Graph
from freeml_pack.windows import patches

_MOST_TAPS = 4096  # 64 MiB of moments; a longer window is rounded to nearest
_WINDOWS = 8  # looked at per sample


class Moments:
    """Sum of v v^T over random windows v = (taps of a group, 1), per conv or linear op, by the op's output."""

    def __init__(self, graph: Graph, seed: int = 0) -> None:
        self._graph = graph
        self._random = np.random.default_rng(seed)
        self._ops: dict[str, list[Conv2d | DepthwiseConv2d]] = {}
        self.sums: dict[str, np.ndarray] = {}
        for op in graph:
            if isinstance(op, Conv2d | DepthwiseConv2d) and (taps := op.weight[0].size) <= _MOST_TAPS:
                groups = op.groups if isinstance(op, Conv2d) else graph.tensors[op.inputs[0]].shape[2]
                self.sums[op.output] = np.zeros((groups, taps + 1, taps + 1), np.float32)
                self._ops.setdefault(op.inputs[0], []).append(op)

    def add(self, tensor: str, value: np.ndarray) -> None:
        """value: [N, H, W, C] of the tensor."""
        for op in self._ops.get(tensor, ()):
            height, width, _ = self._graph.tensors[op.output].shape
            seen = patches(value, op.window, height, width)
            count = min(height * width, _WINDOWS)
            places = [self._random.permutation(height * width)[:count] for _ in value]
            rows, columns = np.divmod(np.concatenate(places), width)
            picked = seen[np.repeat(np.arange(len(value)), count), rows, columns]  # [n, kernel_h, kernel_w, C]
            sums = self.sums[op.output]
            grouped = (
                picked.reshape(*picked.shape[:3], len(sums), -1).transpose(3, 0, 1, 2, 4).reshape(len(sums), len(picked), -1)
            )
            augmented = np.concatenate([grouped, np.ones_like(grouped[..., :1])], axis=2)
            sums += augmented.transpose(0, 2, 1) @ augmented
