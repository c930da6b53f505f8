"""Many devices at once: over the cores of this computer, or over a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from math import ceil
from multiprocessing import get_context
from typing import Any

from freeml_pack.energy.runlog import RunLog
from freeml_pack.energy.simulation import Bench, Scenario, simulate
from freeml_pack.errors import PackError

Progress = Callable[[int, int], None]
_CHUNK = 4  # devices that a worker gets at once
_IN_FLIGHT = 256  # chunks that a cluster is given before the first results are fetched


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_local(bench: Bench, scenarios: Sequence[Scenario], jobs: int, progress: Progress) -> list[RunLog]:
    """Their logs, in the same order. jobs: processes at most; a few scenarios run in this one."""
    jobs = min(jobs, ceil(len(scenarios) / _CHUNK))
    if jobs == 1:
        return _collect((simulate(bench, scenario) for scenario in scenarios), len(scenarios), progress)
    with ProcessPoolExecutor(jobs, get_context("spawn"), _set_bench, (bench,)) as pool:
        return _collect(pool.map(_simulate_here, scenarios, chunksize=_CHUNK), len(scenarios), progress)


def run_on_ray(bench: Bench, scenarios: Sequence[Scenario], progress: Progress) -> list[RunLog]:
    """Likewise, on the cluster that the environment names (RAY_ADDRESS, or one that runs on this computer), else on a new one
    of this computer's cores. PackError where Ray is not installed or no cluster is to be had."""
    try:
        import ray
    except ImportError:
        raise PackError("--ray needs Ray, which is not installed: pip install 'freeml[fleet]', or leave --ray out") from None
    try:
        ray.init(log_to_driver=False, configure_logging=False, include_dashboard=False)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise PackError(f"no Ray cluster is to be had ({reason}); check RAY_ADDRESS, or leave --ray out") from error
    try:
        return _collect(_ray_logs(ray, bench, scenarios), len(scenarios), progress)
    finally:
        ray.shutdown()


def _ray_logs(ray: Any, bench: Bench, scenarios: Sequence[Scenario]) -> Iterator[RunLog]:
    work, shared = ray.remote(_simulate_chunk), ray.put(bench)
    chunks = (list(scenarios[begin : begin + _CHUNK]) for begin in range(0, len(scenarios), _CHUNK))
    pending = [work.remote(shared, chunk) for chunk in islice(chunks, _IN_FLIGHT)]
    while pending:
        yield from ray.get(pending.pop(0))
        pending += [work.remote(shared, chunk) for chunk in islice(chunks, 1)]


def _collect(logs: Iterator[RunLog], total: int, progress: Progress) -> list[RunLog]:
    collected = []
    for log in logs:
        collected.append(log)
        progress(len(collected), total)
    return collected


def _simulate_chunk(bench: Bench, scenarios: list[Scenario]) -> list[RunLog]:
    return [simulate(bench, scenario) for scenario in scenarios]


_bench: Bench | None = None  # of a worker process: sent once, not with each scenario


def _set_bench(bench: Bench) -> None:
    global _bench
    _bench = bench


def _simulate_here(scenario: Scenario) -> RunLog:
    assert _bench is not None
    return simulate(_bench, scenario)
