"""What to do with the energy at hand: a pure function, the same on the device and in the simulator on a PC (freeml-sim).

Energy is in joules, time in seconds, power in watts; where the prices come from is the caller's business."""

CONTINUE, ANSWER, SLEEP = 0, 1, 2
_MEMORY = 32  # answers, about: older ones count less and less
_HOPE = 0.9  # for an answer that nothing is known of yet, to be right; the first such answers count more than it
_DOUBT = 1.25  # energy is gone for sure; a better answer is a promise of networks that are surer than they should be


def decide(
    energy: float,
    to_commit: float,
    to_exit: float,
    watts: float,
    income: float = 0.0,
    confidence: float | None = None,
    threshold: float = 1.0,
    time_left: float | None = None,
    worthwhile: bool | None = None,
    sleep_watts: float = 0.0,
    charge: float = 0.0,
    restart: float = 0.0,
) -> int:
    """CONTINUE: run on to the next commit. ANSWER: with the exit at hand. SLEEP: until to_commit is there, then ask again.

    energy: what is left until power fails, as a monitor estimates it.
    to_commit: what it takes until progress is safe. Work that power failure would undo is not begun, unless to sleep again and
        again is dearer than to be off while the capacitor charges and then to start again.
    to_exit: what it takes until the next answer, of an exit or of the last layer, commits included.
    watts: what the device takes while it works.
    income: what is harvested meanwhile, 0 where nothing is known.
    confidence: of the exit at hand, on the scale of threshold; None where there is no answer yet.
    threshold: from which a confidence suffices, whatever energy there is.
    time_left: until the answer is due. None: there is no deadline.
    worthwhile: whether a later answer would be better by what it takes, see Experience. None: nothing is known of that, and
        the answer at hand is taken where this charge does not last for the next one, unless a deadline gives it time.
    sleep_watts: what the device takes while it sleeps. charge: what the capacitor has from the device's start on, until power
        fails. restart: what a start takes."""
    if confidence is not None:
        if confidence >= threshold or worthwhile is False:
            return ANSWER
        if time_left is not None:
            too_late = seconds(energy, to_exit, watts, income) > time_left
        else:
            too_late = worthwhile is None and energy < to_exit
        if too_late:
            return ANSWER
    if energy >= to_commit or (time_left is None and sleeping(charge, sleep_watts, income) > energy + restart):
        return CONTINUE
    return SLEEP


def sleeping(charge: float, sleep_watts: float, income: float) -> float:
    """What it takes to sleep while so many joules are stored; 0 where the income is not known."""
    if income <= 0.0:
        return 0.0
    return charge * sleep_watts / (income - sleep_watts) if income > sleep_watts else float("inf")


def seconds(energy: float, joules: float, watts: float, income: float = 0.0) -> float:
    """How long work of so many joules takes, charging included."""
    missing = joules - energy - income * joules / watts
    if missing <= 0:
        return joules / watts
    return joules / watts + missing / income if income > 0 else float("inf")


class Experience:
    """What energy is worth: learned from the device's own answers. Their confidence stands for the labels that it has not.

    joules: what each answer takes from its sample on, of the early exits in their order and of the last layer."""

    def __init__(self, joules) -> None:  # type: ignore[no-untyped-def]  # MicroPython has no typing
        self._joules = joules
        self._likely = [_HOPE] * len(joules)  # to be right, of inferences that went on to there
        self._known = [1] * len(joules)  # answers, and the hope, that this is the mean of
        self._right, self._spent = 1.0, joules[0]

    def worthwhile(self, number: int, confidence: float, surplus: float = 0.0) -> bool:
        """Whether going on makes the answer likelier to be right by more than what the energy would bring with other samples.

        number: of the exit at hand, from 0; confidence: in its answer, 0..1; surplus: joules that would be lost otherwise."""
        worth = self._right / self._spent
        for later in range(number + 1, len(self._joules)):
            price = max(0.0, self._joules[later] - self._joules[number] - surplus)
            if self._likely[later] - confidence > _DOUBT * worth * price:
                return True
        return False

    def answered(self, number: int, confidence: float) -> None:
        """Tells of every answer, the last layer's included."""
        self._known[number] = min(self._known[number] + 1, _MEMORY)
        self._likely[number] += (confidence - self._likely[number]) / self._known[number]
        self._right += confidence - self._right / _MEMORY
        self._spent += self._joules[number] - self._spent / _MEMORY
