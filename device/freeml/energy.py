"""Energy monitors: any object with enough(steps) -> bool, asked before every few steps of an inference."""


class ScriptedEnergy:
    """Says what it was told to say, then yes for ever: for tests and for trying out what a program does without power."""

    def __init__(self, answers):
        self._answers = list(answers)

    def enough(self, steps):
        return self._answers.pop(0) if self._answers else True
