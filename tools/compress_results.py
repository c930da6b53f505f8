from __future__ import annotations
import sys, os
from pathlib import Path
import torch
from results.networks import NETWORKS
from results.train import baseline
ROOT = Path(__file__).resolve().parents[1]
torch.set_num_threads(1)
src = Path(os.environ["FREEML_DATA"])
for name in sys.argv[1:] or NETWORKS:
    n = NETWORKS[name]; w = ROOT/"build"/"results"
    d = n.dataset.open(n.dataset.write(src, w/"data"))
    baseline(n, d, w/name)
