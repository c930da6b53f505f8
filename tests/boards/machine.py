"""The module machine of a board with a sensor and a capacitor, for the examples. The sensor gives the samples of /samples.bin,
the one after as many answers as there are lines in /answers.txt. The capacitor loses a little with each look at it, and is
charged a little more with each sleep than with the one before; after five sleeps the board stops."""

from umachine import reset

SENSOR, CAPACITOR = 26, 27
FULL, EMPTY = 0xFFFF, 0


def Pin(number):  # noqa: N802
    return number


class ADC:
    charge = 3
    sleeps = 0
    samples = None

    def __init__(self, pin):
        self._pin = pin

    def read_u16(self):
        if self._pin == CAPACITOR:
            ADC.charge -= 1
            return FULL if ADC.charge > 0 else EMPTY
        if ADC.samples is None:
            ADC.samples = open("/samples.bin", "rb")  # noqa: SIM115
            ADC.samples.seek(count_answers() * 784)
        return ADC.samples.read(1)[0] << 8


def count_answers():
    try:
        with open("/answers.txt") as file:
            return sum(1 for _ in file)
    except OSError:
        return 0


def lightsleep(milliseconds):
    ADC.sleeps += 1
    ADC.charge = 3 + 4 * ADC.sleeps
    if ADC.sleeps == 5:
        reset()


def deepsleep(milliseconds):
    reset()
