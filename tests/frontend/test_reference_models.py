"""Checkpoints that other people trained: they load as they are and give the logits that their own code gave."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from freeml_pack.frontend import load_model
from freeml_pack.passes import standard
from frontend.compare import assert_close, run_graph

TESTS = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("FREEML_DATA", TESTS.parents[1] / "shared" / "data"))

CHECKPOINTS = {
    "convex_fashion_mnist.pth": "convex_fashion_mnist",
    "abcrown_sdp_cifar_cnn_a_mix.model": "cifar_cnn_a_mix",
    "abcrown_cifar10_resnet_resnet2b.pth": "ResNet2b",
    "akamaster_resnet32-d509ac18.th": "resnet32",
    "honk_res8_narrow.pt": "SpeechResNet",
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoint_gives_the_published_logits(name: str) -> None:
    path = DATA / "models" / name
    if not path.exists():
        pytest.skip(f"{path} is absent; set FREEML_DATA to the folder that holds models/")
    golden = np.load(f"{path}.golden.npz")
    x = golden["x"][:16]
    loaded = load_model(path, model_spec=f"{TESTS / 'reference_models.py'}:{CHECKPOINTS[name]}", input_shape=x.shape[1:])
    scale = np.abs(golden["logits"]).max()
    assert_close(run_graph(standard(loaded.graph), x) / scale, golden["logits"][:16] / scale)
    assert_close(loaded.predict(x) / scale, golden["logits"][:16] / scale)
