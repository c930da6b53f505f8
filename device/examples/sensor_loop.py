"""A sensor that runs from a capacitor: measures, answers, sleeps. It begins nothing that the energy left does not reach for,
and what was under way goes on after the sleep, or after a power cut.

The pins are those of a Raspberry Pi Pico; farads and volts_off are the board's, step_joules is from freeml-pack --report."""

from freeml import Model
from freeml.energy import CapacitorEnergy
from machine import ADC, Pin, lightsleep

sensor = ADC(Pin(26))
capacitor = ADC(Pin(27))  # behind a divider by two


def volts():
    return capacitor.read_u16() * 2 * 3.3 / 65535


def measure(size):
    """As many readings as the network takes, a byte each."""
    return bytes(sensor.read_u16() >> 8 for _ in range(size))


energy = CapacitorEnergy(volts, farads=1e-3, volts_off=1.8, step_joules=20e-6)
model = Model("model.fml", nvm="model.nvm", energy=energy)
while True:
    answer = model.resume()
    if answer is None:
        answer = model.infer(measure(model.sample_size))
    if answer.complete:
        print("label", answer.label, "at", volts(), "V")
        model.cancel()
    else:
        print("charging at", volts(), "V,", model.remaining, "steps to go")
    lightsleep(1000)
