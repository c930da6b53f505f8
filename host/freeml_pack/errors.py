"""The one exception that reaches the user as a sentence."""


class PackError(Exception):
    """Bad input or an impossible request. The message is one clear sentence that says what to do; the CLI exits with 2."""


class InputShapeMissing(PackError):
    """Neither the model file nor the caller says what a sample looks like; the data may."""
