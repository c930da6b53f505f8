"""The one exception that reaches the user as a sentence."""


class PackError(Exception):
    """Bad input or an impossible request. The message is one clear sentence that says what to do; the CLI exits with 2."""


class InputShapeError(PackError):
    """The shape of a sample is not known, or not one that the model takes; another one may do."""


class TooLargeError(PackError):
    """The packed model does not fit its target."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C where something can be said about how to go on; the message says it."""
