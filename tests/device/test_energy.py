"""Energy monitors in MicroPython: inferences stop where energy ends, and go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from device.conftest import Device, Packed


@pytest.fixture
def small(pack: Callable[[str], Packed], device: Device) -> Packed:
    packed = pack("plain_cnn uint8")
    packed.install(device.folder)
    return packed


def test_a_capacitor_that_empties_and_charges(device: Device, small: Packed) -> None:
    """Each measurement finds it 0.4 V lower; at 2 V and below there is nothing left, and the program waits."""
    script = """
from freeml import Model
from freeml.energy import CapacitorEnergy

level = 3.0

def volts():
    global level
    level -= 0.4
    return level

energy = CapacitorEnergy(volts, 1e-3, 2.0, 8e-6)
model = Model("model.fml", nvm="model.nvm", energy=energy)
sample = open("sample.bin", "rb").read()
answer, lives = model.infer(sample), 1
while not answer.complete:
    level = 3.0
    answer = model.resume()
    lives += 1
print(answer.label, lives)
level = 2.5
print(energy.joules())
level = 1.0
print(energy.joules(), energy.enough(0), energy.enough(1))
"""
    label, joules, empty = device.output(script).splitlines()
    assert int(label.split()[0]) == small.expected[0].argmax()
    assert int(label.split()[1]) > 1
    assert float(joules) == pytest.approx(0.5e-3 * (2.1**2 - 2.0**2))
    assert empty == "0.0 True False"


def test_a_power_good_pin(device: Device) -> None:
    script = """
from freeml.energy import PowerGood

class Pin:
    level = 1

    def value(self):
        return self.level

pin = Pin()
supply, inverted = PowerGood(pin), PowerGood(pin, steps=100, good=0)
print(supply.enough(8), supply.enough(9), inverted.enough(1))
pin.level = 0
print(supply.enough(1), inverted.enough(100))
"""
    assert device.output(script).splitlines() == ["True False False", "False True"]


def test_an_ina219_on_i2c(device: Device) -> None:
    """The register as its data sheet (SBOS448) has it: 4 mV from bit 3 on, below it two flags of the conversion."""
    script = """
from freeml.energy import ina219_volts

class Bus:
    registers = {2: b"\\x5d\\xc2"}

    def readfrom_mem(self, address, register, size):
        if address != 0x41:
            raise OSError(19)
        return self.registers[register][:size]

print(ina219_volts(Bus(), 0x41)())
try:
    ina219_volts(Bus())
except OSError as error:
    print(error)
"""
    volts, error = device.output(script).splitlines()
    assert float(volts) == pytest.approx(0x5DC2 // 8 * 0.004)
    assert error == "[Errno 19] ENODEV"
