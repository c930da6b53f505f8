"""Energy monitors: any object with enough(steps) -> bool, asked before every few steps of an inference. One that measures has
left() -> steps as well: an early exit then answers where what is left does not last for the next answer."""

_INA219_BUS_VOLTAGE = 2  # register: volts in bits 15..3, 4 mV each


class CapacitorEnergy:
    """The capacitor that the device runs from, its voltage measured.

    volts: function that measures it: ina219_volts(i2c), or lambda: adc.read_u16() * 2 * 3.3 / 65535 for an ADC behind a divider
        by two whose reference is 3.3 V.
    farads: its capacitance. volts_off: at which the device stops.
    step_joules: what a step takes at most; freeml-pack's report has the energy of an inference and its steps."""

    def __init__(self, volts, farads, volts_off, step_joules):
        self._volts, self._farads, self._off, self._step = volts, farads, volts_off, step_joules

    def joules(self):
        """What is left until the device stops."""
        return max(0.0, 0.5 * self._farads * (self._volts() ** 2 - self._off**2))

    def left(self):
        """For how many steps that is enough."""
        return int(self.joules() / self._step)

    def enough(self, steps):
        return self.left() >= steps


class PowerGood:
    """The pin of a power supply that says whether there is energy for at least `steps` steps.

    pin: object with value(). good: the value that means yes."""

    def __init__(self, pin, steps=8, good=1):
        self._pin, self._steps, self._good = pin, steps, good

    def enough(self, steps):
        return steps <= self._steps and self._pin.value() == self._good


class ScriptedEnergy:
    """Says what it was told to say, then yes for ever: for tests and for trying out what a program does without power."""

    def __init__(self, answers):
        self._answers = list(answers)

    def enough(self, steps):
        return self._answers.pop(0) if self._answers else True


def ina219_volts(i2c, address=0x40):
    """A function that returns the bus voltage of a Texas Instruments INA219 with its settings after power-on (up to 32 V).
    OSError where no chip answers."""

    def volts():
        register = i2c.readfrom_mem(address, _INA219_BUS_VOLTAGE, 2)
        return (register[0] << 8 | register[1]) // 8 * 4e-3

    volts()
    return volts
