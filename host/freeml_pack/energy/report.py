"""Runs in numbers: tables for people, JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from freeml_pack.energy.runlog import PURPOSES, Answer, RunLog
from freeml_pack.energy.simulation import Bench, Scenario
from freeml_pack.units import quantity


@dataclass(frozen=True)
class Row:
    """All devices with the same trace, board and policy. Shares are 0..1; joules, seconds."""

    trace: str
    capacitance: float
    policy: str
    devices: int
    answers: int
    per_hour: float  # answers of a device
    accuracy: float | None
    in_time: float | None  # share of answers before the deadline; None: there is none
    latency_median: float | None
    latency_p95: float | None
    joules_per_answer: float | None  # all that the devices consumed
    cuts: int
    replayed: float  # share of the steps
    exits: dict[str, int]  # answers of each
    missed: int
    harvested: float
    leaked: float
    shunted: float
    consumed: float
    spent: dict[str, float]  # parts of what was consumed: keys are PURPOSES
    no_progress: int  # devices that ever had to report it


def rows(bench: Bench, scenarios: Sequence[Scenario], logs: Sequence[RunLog]) -> list[Row]:
    """In the order in which combinations first occur."""
    groups: dict[tuple[str, float, str], list[RunLog]] = {}
    for scenario, log in zip(scenarios, logs, strict=True):
        key = scenario.trace.name, scenario.board.capacitance, scenario.policy
        groups.setdefault(key, []).append(log)
    return [_row(bench, *key, group) for key, group in groups.items()]


def _row(bench: Bench, trace: str, capacitance: float, policy: str, logs: list[RunLog]) -> Row:
    answers = [answer for log in logs for answer in log.answers]
    judged = [answer.label == answer.truth for answer in answers if answer.truth is not None]
    latencies = np.array([answer.latency for answer in answers])
    balances = [log.balance for log in logs if log.balance is not None]
    consumed = sum(balance.consumed for balance in balances)
    deadline = bench.habits.deadline
    return Row(
        trace=trace,
        capacitance=capacitance,
        policy=policy,
        devices=len(logs),
        answers=len(answers),
        per_hour=len(answers) * 3600 / sum(log.seconds for log in logs),
        accuracy=float(np.mean(judged)) if judged else None,
        in_time=float(np.mean(latencies <= deadline)) if answers and deadline is not None else None,
        latency_median=float(np.median(latencies)) if answers else None,
        latency_p95=float(np.percentile(latencies, 95)) if answers else None,
        joules_per_answer=consumed / len(answers) if answers else None,
        cuts=sum(log.cuts for log in logs),
        replayed=sum(log.replayed_steps for log in logs) / max(1, sum(log.steps for log in logs)),
        exits=dict(Counter(_exit(answer) for answer in answers)),
        missed=sum(log.missed for log in logs),
        harvested=sum(balance.harvested for balance in balances),
        leaked=sum(balance.leaked for balance in balances),
        shunted=sum(balance.shunted for balance in balances),
        consumed=consumed,
        spent={purpose: sum(log.spent[purpose] for log in logs) for purpose in PURPOSES},
        no_progress=sum(log.no_progress for log in logs),
    )


def _exit(answer: Answer) -> str:
    return "last" if answer.exit is None else str(answer.exit + 1)


def to_json(bench: Bench, scenarios: Sequence[Scenario], logs: Sequence[RunLog]) -> dict[str, Any]:
    """rows: as the tables; runs: each device with its answers (scores in hexadecimal)."""
    runs = [_run_json(scenario, log) for scenario, log in zip(scenarios, logs, strict=True)]
    return {
        "model": bench.network.name,
        "seconds": bench.seconds,
        "seed": bench.seed,
        "inference_j": bench.prices.inference,
        "start_j": bench.prices.boot,
        "rows": [asdict(row) for row in rows(bench, scenarios, logs)],
        "runs": runs,
    }


def _run_json(scenario: Scenario, log: RunLog) -> dict[str, Any]:
    board = {name: value for name, value in asdict(scenario.board).items() if np.isfinite(value)}
    run = asdict(log) | {"trace": scenario.trace.name, "board": board, "policy": scenario.policy, "device": scenario.device}
    for answer in run["answers"]:
        answer["scores"] = answer["scores"].hex()
    return run


def print_tables(found: Sequence[Row], console: Console) -> None:
    for table in (_answers_table(found), _energy_table(found)):
        console.print(table, highlight=False)


def _table(found: Sequence[Row], headings: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("trace", overflow="fold")
    for heading in ("capacitor", "policy"):
        table.add_column(heading)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _key(row: Row) -> tuple[str, str, str]:
    return escape(row.trace), quantity(row.capacitance, "F"), row.policy


def _answers_table(found: Sequence[Row]) -> Table:
    early = any(set(row.exits) - {"last"} for row in found)
    timed = any(row.in_time is not None for row in found)
    optional = ["exits"] * early + ["in time"] * timed
    headings = ["answers", "an hour", "accuracy", "latency", "95% below", *optional, "cuts", "run again", "missed"]
    table = _table(found, headings)
    for row in found:
        cells = [f"{row.answers:,}", f"{row.per_hour:,.1f}", _share(row.accuracy, 1)]
        cells += [_quantity(row.latency_median, "s"), _quantity(row.latency_p95, "s")]
        cells += [", ".join(f"{name}: {count}" for name, count in sorted(row.exits.items()))] * early
        cells += [_share(row.in_time, 1)] * timed
        table.add_row(*_key(row), *cells, f"{row.cuts:,}", _share(row.replayed, 1), f"{row.missed:,}")
    return table


def _energy_table(found: Sequence[Row]) -> Table:
    gone = [name for name in ("leaked", "shunted") if any(getattr(row, name) for row in found)]
    table = _table(found, ["an answer", "harvested", *gone, *PURPOSES])
    table.title, table.title_justify = "\nenergy; shares are those of what the device used", "left"
    for row in found:
        flows = (getattr(row, name) for name in ("harvested", *gone))
        cells = [_quantity(row.joules_per_answer, "J"), *(quantity(joules, "J") for joules in flows)]
        cells += [_share(row.spent[purpose] / row.consumed if row.consumed else None, 1) for purpose in PURPOSES]
        table.add_row(*_key(row), *cells)
    return table


def _quantity(value: float | None, unit: str) -> str:
    return "" if value is None else quantity(value, unit)


def _share(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}%}"
