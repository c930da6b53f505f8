"""A device that lives on a capacitor: charges, starts, infers, dies, and goes on. The inference is real (the C core with its
journal on a memory that outlives the power), its energy and its time are simulated.

Nothing here goes from tick to tick: the device's power is constant while it is off, asleep or at work, so whole stretches of
steps from one commit to the next pass at once, and only where power fails inside one is it taken apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from freeml_schema.journal import ARENA_OFFSET

from freeml_pack.energy.board import Board
from freeml_pack.energy.capacitor import Capacitor
from freeml_pack.energy.costs import PlanPrices
from freeml_pack.energy.policies import ANSWER, CONTINUE, Chooser, Policy, Situation
from freeml_pack.energy.recorder import Recorder
from freeml_pack.energy.runlog import Answer, RunLog
from freeml_pack.energy.stretches import Stretch, answer_joules, stretches
from freeml_pack.energy.torn import tear
from freeml_pack.energy.workload import Samples
from freeml_pack.engine import BOOT_LIMIT, Engine, Session
from freeml_pack.graph import NEVER
from freeml_pack.inspection.network import Network
from freeml_pack.plan.intervals import START_COMMITS
from freeml_pack.scores import int8_labels, probabilities

_RESERVE = 0.05  # of the energy to the next commit: what a monitor and the prices may be wrong by


@dataclass(frozen=True)
class Habits:
    """every: seconds from sample to sample, 0: as soon as the last one is answered. deadline: seconds from a sample to its
    answer, None: none."""

    every: float = 0.0
    deadline: float | None = None


@dataclass
class _Inference:
    """The one under way; `joules`: consumed by the device before it."""

    sample: int
    taken: float
    joules: float
    cuts: int = 0
    replayed: int = 0


class Device:
    """One device from a blank journal on. first_sample: number of its first sample; rng: for what power cuts leave behind."""

    def __init__(
        self,
        engine: Engine,
        network: Network,
        prices: PlanPrices,
        board: Board,
        capacitor: Capacitor,
        policy: Policy,
        samples: Samples,
        habits: Habits,
        rng: np.random.Generator,
        first_sample: int = 0,
        recorder: Recorder | None = None,
    ) -> None:
        self._engine, self._board, self._capacitor, self._prices = engine, board, capacitor, prices
        self._policy, self._samples, self._habits, self._rng = policy, samples, habits, rng
        self._exits = engine.exits
        self._stretches = stretches(network, prices, self._exits)
        self._answer_joules = answer_joules(network, prices, self._exits)
        output = network.tensors[network.output]
        self._zero_point, self._output_scale = output.zero_point, output.scale
        self._nvm = bytearray(engine.nvm_size)
        self._off = capacitor.energy_at(board.volts_off)
        self._end = 0.0
        self._recorder = recorder
        self._session: Session  # there while the device is on
        self._chooser: Chooser  # likewise: a power failure makes it forget
        self._fresh = False  # power came back, and nothing has run since
        self._current: _Inference | None = None
        self._next_sample, self._next_due = first_sample, 0.0
        self._uncommitted_steps, self._uncommitted_joules = 0, 0.0
        self._resume = (0, 0)  # operator and tile where they began
        self.log = RunLog()

    def run(self, seconds: float) -> RunLog:
        """Until so much time has passed."""
        self._end = seconds
        while self._charge():
            self.log.boots += 1
            alive = self._boot()
            while alive:
                alive = self._proceed()
            if not self._over:
                self._die()
        self.log.spent["lost"] += self._uncommitted_joules
        self.log.seconds, self.log.balance = self._capacitor.time, self._capacitor.balance()
        return self.log

    # --- Time and energy -------------------------------------------------------------------------------------------------

    @property
    def _over(self) -> bool:
        return self._capacitor.time >= self._end - 1e-9

    def _pass(self, what: str, seconds: float, load: float, *, low: float = -inf, high: float = inf) -> bool:
        """Capacitor.wait, not beyond the end of the run."""
        capacitor, recorder = self._capacitor, self._recorder
        if recorder and not recorder.wants(capacitor.time):
            self._recorder = recorder = None
        snapshot = capacitor.snapshot() if recorder else None
        complete = capacitor.wait(min(seconds, self._end - capacitor.time), load, low=low, high=high)
        if recorder:
            recorder.span(what, capacitor, snapshot, load)
        return complete

    def _charge(self) -> bool:
        """Off, until the device starts. False where the run ends before."""
        self._pass("off", inf, 0.0, high=self._capacitor.energy_at(self._board.volts_on))
        return not self._over

    def _work(self, what: str, joules: float) -> float:
        """What there was of these joules until power failed or the run ended; all of them, exactly, where neither happened."""
        watts, before = self._board.active_watts, self._capacitor.time
        complete = self._pass(what, joules / watts, watts, low=self._off)
        if complete and not self._over:
            return joules
        return min(watts * (self._capacitor.time - before), joules * (1 - 1e-12))

    def _sleep(self, seconds: float, joules: float = inf) -> bool:
        """Waits until time has passed or so much energy is stored. False where power fails or the run ends before."""
        before = self._capacitor.time
        self._pass("sleep", seconds, self._board.sleep_watts, low=self._off, high=joules)
        self.log.spent["sleep"] += self._board.sleep_watts * (self._capacitor.time - before)
        return self._capacitor.energy > self._off and not self._over

    def _mark(self, what: str) -> None:
        if self._recorder:
            self._recorder.mark(what, self._capacitor.time, self._capacitor.volts(self._capacitor.energy))

    # --- Life ------------------------------------------------------------------------------------------------------------

    def _boot(self) -> bool:
        """Opens the blob and the journal. False where power fails or the run ends before."""
        if not self._act("starts", self._open, self._prices.boot - self._prices.commit, self._prices.commit):
            return False
        self._settle()
        self.log.no_progress |= self._session.boots >= BOOT_LIMIT
        if self._session.phase == "idle" and self._current is not None:
            self.log.missed += 1  # its start was cut short, before the sample was safe
            self._current = None
        return True

    def _settle(self) -> None:
        """What became of the steps before the last power failure: they run again unless their commit came just through."""
        session = self._session
        if session.phase == "running" and (session.op, session.tile) == self._resume:
            self.log.replayed_steps += self._uncommitted_steps
            self.log.spent["lost"] += self._uncommitted_joules
            if self._current:
                self._current.replayed += self._uncommitted_steps
        else:
            self.log.spent["steps"] += self._uncommitted_joules
        self._uncommitted_steps, self._uncommitted_joules = 0, 0.0

    def _open(self) -> None:
        self._session, self._fresh = Session(self._engine, self._nvm), True
        self._chooser = self._policy.begin(self._answer_joules)

    def _proceed(self) -> bool:
        """The next thing that the device does. False where power fails or the run ends."""
        if self._session.phase == "running":
            stretch = self._stretches[self._session.op, self._session.tile]
            reload = stretch.reload if self._fresh else 0.0
            if not self._choose(stretch.to_commit + reload, stretch.to_exit + reload, stretch.exit):
                return False
            return self._session.phase == "done" or self._infer(stretch)
        if self._session.phase == "done" and self._current is not None:
            self._answer(self._current)
        prices = self._prices
        return self._wait_for_sample() and self._choose(prices.start, prices.inference, None) and self._start()

    def _act(self, purpose: str, act: Callable[[], None], work: float, commit: float) -> bool:
        """Something that ends with a write to the journal, for `work` and `commit` joules. False where power fails or the run
        ends before: the memory is then as power left it."""
        spent = self._work(purpose, work + commit)
        self.log.spent[purpose] += spent
        if spent == work + commit:
            act()
            return True
        if not self._over:
            self._cut_short(act, (spent - work) / commit)
        return False

    def _cut_short(self, act: Callable[[], object], committed: float) -> None:
        """The memory is left as by `act` when power fails in it; `committed`: see `tear`."""
        before = bytes(self._nvm)
        act()
        after = bytes(self._nvm)
        self._nvm[:] = tear(before, after, self._session.slot, committed, self._rng)
        self.log.torn += before != after

    def _die(self) -> None:
        self.log.cuts += 1
        if self._current:
            self._current.cuts += 1
        self._mark("cut")

    # --- Steps -----------------------------------------------------------------------------------------------------------

    def _choose(self, to_commit: float, to_exit: float, exit: int | None) -> bool:
        """Does what the policy says before work of so many joules up to the next commit, and up to the next answer. exit: the
        one at hand, which may answer. False where power fails or the run ends meanwhile."""
        energy, needed = self._capacitor.energy - self._off, to_commit * (1 + _RESERVE)
        choice = self._chooser.choose(self._situation(energy, needed, to_exit, exit))
        if choice == ANSWER:
            return self._exit()
        needed = min(needed, self._capacitor.full - self._off)
        if choice == CONTINUE or energy >= needed:
            return True
        self.log.sleeps += 1
        return self._sleep(inf, self._off + needed)

    def _situation(self, energy: float, to_commit: float, to_exit: float, exit: int | None) -> Situation:
        time, deadline = self._capacitor.time, self._habits.deadline
        taken = self._current.taken if self._current else time
        income = self._capacitor.harvested / time
        room = self._capacitor.full - self._off - energy
        return Situation(
            energy=energy,
            to_commit=to_commit,
            to_exit=to_exit,
            watts=self._board.active_watts,
            income=income,
            exit=exit,
            confidence=None if exit is None else self._session.margin,
            threshold=inf if exit is None or self._exits[exit].threshold == NEVER else self._exits[exit].threshold,
            likely=None if exit is None else self._likely(exit),
            time_left=None if deadline is None else taken + deadline - time,
            surplus=max(0.0, income * (self._next_due - time) - room) if self._habits.every else 0.0,
            sleep_watts=self._board.sleep_watts,
            charge=self._board.charge(),
            restart=self._prices.boot,
        )

    def _likely(self, exit: int) -> float:
        """How likely the answer of the exit at hand is right: 0..1."""
        scores = np.frombuffer(self._nvm, np.int8, self._engine.output_length, ARENA_OFFSET + self._exits[exit].offset)
        return float(probabilities(scores, self._exits[exit].temperature).max())

    def _infer(self, stretch: Stretch) -> bool:
        """False where power fails or the run ends before the stretch does."""
        reload = stretch.reload if self._fresh else 0.0
        begin, total = self._capacitor.time, stretch.joules + reload
        if self._uncommitted_joules == 0:
            self._resume = self._session.op, self._session.tile
        spent = self._work("steps", total)
        done = stretch.steps if spent == total else int(np.searchsorted(stretch.ends, spent - reload, side="right"))
        if self._recorder:
            self._recorder.steps(begin, (stretch.ends[:done] + reload) / self._board.active_watts)
        self.log.steps += done
        self._uncommitted_steps += done
        self._uncommitted_joules += spent
        if spent < total:
            if not self._over:
                self._cut_stretch(stretch, done, spent - reload)
            return False
        self._session.step(stretch.steps)
        self._fresh = False
        if stretch.commit:
            self._committed(stretch.commit)
        return True

    def _exit(self) -> bool:
        """The exit at hand answers, for a commit. False where power fails or the run ends before that."""
        if not self._act("commits", self._session.exit_now, 0.0, self._prices.commit):
            return False
        self.log.commits += 1
        self.log.spent["steps"] += self._uncommitted_joules
        self._uncommitted_steps, self._uncommitted_joules = 0, 0.0
        self._mark("commit")
        return True

    def _cut_stretch(self, stretch: Stretch, done: int, spent: float) -> None:
        """Power failed in the step after `done` of them, or after all of them in the commit, which the last step does."""
        whole = min(done, stretch.steps - 1)
        if whole:
            self._session.step(whole)
        committed = (spent - float(stretch.ends[-1])) / stretch.commit if done == stretch.steps else 0.0
        self._cut_short(lambda: self._session.step(1), committed)

    def _committed(self, joules: float) -> None:
        self.log.commits += 1
        self.log.spent["commits"] += joules
        self.log.spent["steps"] += self._uncommitted_joules - joules
        self._uncommitted_steps, self._uncommitted_joules = 0, 0.0
        self._mark("commit")

    # --- Samples and answers ---------------------------------------------------------------------------------------------

    def _wait_for_sample(self) -> bool:
        """Until one is due. False where power fails or the run ends before."""
        every, now = self._habits.every, self._capacitor.time
        if every == 0:
            return True
        if now < self._next_due:
            return self._sleep(self._next_due - now)
        late = int((now - self._next_due) // every)
        self.log.missed += late
        self._next_sample += late
        self._next_due += late * every
        return True

    def _start(self) -> bool:
        """A start commits twice: IDLE, then the sample. False where power fails or the run ends before."""
        session, commit, number = self._session, self._prices.start / START_COMMITS, self._next_sample
        taken, joules = self._capacitor.time, self._capacitor.consumed
        if not self._act("commits", session.cancel, 0.0, commit):
            return False
        self._current = _Inference(number, taken, joules)
        self._next_sample += 1
        self._next_due += self._habits.every
        data = self._samples.bytes[number % len(self._samples)].tobytes()
        self.log.commits += START_COMMITS
        return self._act("commits", lambda: session.start(data, number % 2**32), 0.0, commit)

    def _answer(self, current: _Inference) -> None:
        scores = self._session.output()
        assert scores is not None
        assert self._session.tag == current.sample % 2**32
        answer = Answer(
            sample=current.sample,
            scores=scores.tobytes(),
            label=int(int8_labels(scores[None], self._zero_point)[0]),
            truth=self._samples.truth(current.sample % len(self._samples)),
            exit=self._session.exit - 1 if self._session.exit else None,
            taken_s=current.taken,
            answered_s=self._capacitor.time,
            cuts=current.cuts,
            replayed_steps=current.replayed,
            joules=self._capacitor.consumed - current.joules,
        )
        self.log.answers.append(answer)
        number = len(self._exits) if answer.exit is None else answer.exit
        temperature = 1 / self._output_scale if answer.exit is None else self._exits[answer.exit].temperature
        self._chooser.answered(number, float(probabilities(scores, temperature).max()))
        self._current = None
        self._mark("answer")
