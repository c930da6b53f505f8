"""What to do with the energy at hand: a pure function, the same on the device and in the simulator on a PC (freeml-sim).

Energy is in joules, time in seconds, power in watts; where the prices come from is the caller's business."""

CONTINUE, ANSWER, SLEEP = 0, 1, 2


def decide(
    energy: float,
    to_commit: float,
    to_exit: float,
    watts: float,
    income: float = 0.0,
    confidence: float | None = None,
    threshold: float = 1.0,
    time_left: float | None = None,
) -> int:
    """CONTINUE: run on to the next commit. ANSWER: with the exit at hand. SLEEP: until to_commit is there, then ask again.

    energy: what is left until power fails, as a monitor estimates it.
    to_commit: what it takes until progress is safe. Work that power failure would undo is not begun.
    to_exit: what it takes until the next answer, of an exit or of the last layer, commits included.
    watts: what the device takes while it works.
    income: what is harvested meanwhile, 0 where nothing is known.
    confidence: of the exit at hand, on the scale of threshold; None where there is no answer yet.
    threshold: from which a confidence suffices, whatever energy there is.
    time_left: until the answer is due. None: there is time for as long as this charge lasts."""
    if confidence is not None:
        if confidence >= threshold:
            return ANSWER
        too_late = energy < to_exit if time_left is None else seconds(energy, to_exit, watts, income) > time_left
        if too_late:
            return ANSWER
    return CONTINUE if energy >= to_commit else SLEEP


def seconds(energy: float, joules: float, watts: float, income: float = 0.0) -> float:
    """How long work of so many joules takes, charging included."""
    missing = joules - energy - income * joules / watts
    if missing <= 0:
        return joules / watts
    return joules / watts + missing / income if income > 0 else float("inf")
