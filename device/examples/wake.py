"""One life of a device that a timer wakes: finishes what was under way, or measures; notes the answer; sleeps. Copy it to the
board as main.py. Each measurement is answered once, whenever power fails."""

from freeml import Model
from machine import ADC, Pin, deepsleep

sensor = ADC(Pin(26))


def measure(size):
    """As many readings as the network takes, a byte each."""
    return bytes(sensor.read_u16() >> 8 for _ in range(size))


def count_lines(path):
    try:
        with open(path) as file:
            return sum(1 for _ in file)
    except OSError:
        return 0


answers = count_lines("answers.txt")
model = Model("model.fml", nvm="model.nvm")
answer = model.resume()
if answer is None:
    answer = model.infer(measure(model.sample_size), tag=answers)
if model.tag == answers:  # else power failed after this answer was noted
    with open("answers.txt", "a") as file:
        file.write(f"{answer.label}\n")
model.cancel()
deepsleep(60000)
