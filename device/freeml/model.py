"""Model: one neural network, one inference after another, across power cuts."""

from array import array
from collections import namedtuple
from time import ticks_diff, ticks_ms

from ._blob import Metadata, open_blob
from ._core import core
from ._memory import allocate
from ._scores import confidence, to_real
from .nvm import FileNVM
from .policy import ANSWER, CONTINUE, decide

Prediction = namedtuple("Prediction", ("label", "scores", "exit", "complete", "confidence"))
"""label: index of the highest score; of a single score, 1 where it says yes.
scores: list of floats, as the original network returned them.
exit: number of the exit that answered, from 1; 0 for the last layer.
complete: False where energy ran out first; label, scores and confidence are None then.
confidence: 0..1, in the label. At an early exit it is calibrated: of answers with 0.9, about 90% are right. None for a
single score."""

_IDLE, _RUNNING, _DONE = 0, 1, 2  # phases of a session
_PHASE, _STALE, _TAG, _STEPS, _COMMITS, _REMAINING, _BOOTS, _JOURNAL, _EXIT = 0, 1, 2, 3, 4, 5, 6, 7, 8  # of core.status()
_JOURNALS = ("blank", "valid", "foreign", "damaged")
_CODES = "BbHh"  # array type code of each sample type
_LOWEST = (0, -128, 0, -32768)
_HIGHEST = (255, 127, 65535, 32767)
_NEVER = 255  # threshold
_SLICE = 8  # steps between two questions to the energy monitor


class Model:
    """A packed network.

    blob: file name of a .fml file, or its bytes. A file is streamed, so it may be larger than RAM.
    nvm: where progress is kept: a writable buffer, an object as freeml.nvm.NVM, or a file name; None: RAM only, power cuts
        are not survived. It must have at least nvm_size bytes and belongs to this model alone.
    energy: None, or a monitor as in freeml.energy.
    Raises ValueError for a blob that is damaged or not a blob, MemoryError with the number of bytes that are missing.

    sample_shape, sample_size (bytes), nvm_size (bytes), outputs (number of scores), exits (number of early exits) are
    for reading.
    thresholds: of each early exit, from the blob, to be changed at will: infer() and resume() end there when the two highest
    int8 scores differ by so much; 255: never.
    """

    def __init__(self, blob, nvm=None, energy=None):
        self._state = bytearray(core.STATE_SIZE)
        self._blob = open_blob(blob)
        info = core.open_model(self._state, self._blob, self._load_metadata(), bytearray(256))
        _, arena_size, scratch_size, self.nvm_size, self.sample_size, self._type, output, self.outputs, self._transform = info
        self._scale, self._zero_point = self._metadata.quantization(output)
        self._exits = self._metadata.exits()
        self.exits = len(self._exits)
        self.thresholds = [threshold for _, threshold, _ in self._exits]
        self.sample_shape = self._metadata.sample_shape()
        self._energy = energy
        self._arena = None
        self._allocate(nvm, arena_size, scratch_size)
        self._recover()

    def _load_metadata(self):
        """None where the blob is a buffer."""
        if _is_buffer(self._blob):
            self._metadata = Metadata(self._blob)
            return None
        header = bytearray(min(core.HEADER_SIZE, len(self._blob)))
        self._blob.readinto(0, header)
        metadata = allocate(core.metadata_size(header, len(self._blob)))[0]
        self._blob.readinto(0, metadata)
        self._metadata = Metadata(metadata)
        return metadata

    def _allocate(self, nvm, arena_size, scratch_size):
        """NVM in RAM, or the arena where it is not used in place; and scratch."""
        self._nvm = FileNVM(nvm, self.nvm_size) if isinstance(nvm, str) else nvm
        if nvm is None:
            self._nvm, self._scratch = allocate(self.nvm_size, scratch_size)
        elif _is_buffer(self._nvm):
            self._scratch = allocate(scratch_size)[0]
        else:
            self._arena, self._scratch = allocate(arena_size, scratch_size)

    def _recover(self):
        core.open_session(self._state, self._nvm, self._arena, self._scratch)

    def _status(self):
        status = core.status(self._state)
        if status[_STALE]:  # a memory failed in the middle of something: what the NVM says counts
            self._recover()
            status = core.status(self._state)
        return status

    @property
    def pending(self):
        """True: an inference is under way; resume() or step() continues it."""
        return self._status()[_PHASE] == _RUNNING

    @property
    def done(self):
        """True: the answer is there, until the next start() or cancel(); a power cut does not take it away."""
        return self._status()[_PHASE] == _DONE

    @property
    def tag(self):
        """What start() or infer() was given for the inference that is pending or done."""
        return self._status()[_TAG]

    @property
    def remaining(self):
        """Steps until the answer."""
        return self._status()[_REMAINING]

    @property
    def boots(self):
        """How often the pending inference has been recovered since it last committed progress."""
        return self._status()[_BOOTS]

    @property
    def no_progress(self):
        """True: power failed so many times in a row before the next commit that it is likely never to be reached. Wait for
        more energy, cancel(), or pack the network for a smaller energy per charge."""
        return self.boots >= core.BOOT_LIMIT

    @property
    def journal(self):
        """What was found in the NVM: "blank", "valid", "foreign" (another network's) or "damaged" (what was under way is
        lost). Damage that costs nothing is "valid"."""
        return _JOURNALS[self._status()[_JOURNAL]]

    def start(self, sample, tag=0):
        """Commits a sample: from now on a power cut does not lose it.

        sample: a buffer of sample_size bytes (integers in the sensor's own type and order) or a list of integers.
        tag: 0..4294967295, by which the program knows the sample again.
        Raises RuntimeError while another inference is pending.
        """
        if not 0 <= tag <= 0xFFFFFFFF:
            raise ValueError("tag must be in 0..4294967295")
        self._status()
        sample = self._sample(sample)
        try:
            core.start(self._state, sample, tag)
        except ValueError as error:
            raise ValueError(f"{error} (this network: {self.sample_size} bytes, shape {self.sample_shape})") from None

    def step(self, budget=0):
        """Runs at most `budget` steps of the inference, 0: all that remain. True: the answer is there."""
        self._status()
        return core.step(self._state, budget)

    def cancel(self):
        """Gives up the inference under way, or the answer."""
        self._status()
        core.cancel(self._state)

    def exit_now(self):
        """Ends the inference that is pending with the answer of the last early exit that it has passed: a Prediction, for no
        more than a commit. None where it has passed none yet: it stays pending."""
        self._status()
        if self.pending and core.exit_at_hand(self._state)[0] == 0:
            return None
        core.exit_now(self._state)
        return self.prediction()

    def infer(self, sample, tag=0, deadline_ms=None):
        """start() and all steps, until an early exit is sure enough, and as long as energy lasts: then the last early exit
        passed answers. deadline_ms: from now; the last early exit passed also answers where the next answer would come later.
        Returns a Prediction."""
        begin = ticks_ms()
        self.start(sample, tag)
        return self._finish(begin, deadline_ms)

    def resume(self, deadline_ms=None):
        """Finishes the inference that is pending, or gives the answer that was ready when power went: a Prediction.
        None where there is nothing. deadline_ms: see infer()."""
        if self.pending:
            return self._finish(ticks_ms(), deadline_ms)
        return self.prediction() if self.done else None

    def _finish(self, begin, deadline_ms):
        if self._energy is None and not self.exits:
            self.step()
            return self.prediction()
        first = self.remaining
        choice = self._decide()
        while choice == CONTINUE:
            if self.step(_SLICE):
                return self.prediction()
            time_left = None
            if deadline_ms is not None:  # in steps, at the pace until now
                passed = max(1, ticks_diff(ticks_ms(), begin))
                time_left = (deadline_ms - passed) * (first - self.remaining) / passed
            choice = self._decide(time_left)
        return self.exit_now() if choice == ANSWER else Prediction(None, None, 0, False, None)

    def _decide(self, time_left=None):
        """What the policy makes of the exit at hand and of what the energy monitor says, all in steps."""
        passed, margin, to_answer = core.exit_at_hand(self._state)
        steps = min(_SLICE, self.remaining)
        energy = self._energy_left(steps, to_answer)
        if not passed:
            return decide(energy, steps, to_answer, 1.0)
        threshold = self.thresholds[passed - 1]
        sure = threshold if threshold < _NEVER else _NEVER + 1
        return decide(energy, steps, to_answer, 1.0, 0.0, margin, sure, time_left)

    def _energy_left(self, steps, to_answer):
        """Steps that energy lasts for. A monitor that measures nothing tells no more than whether the next few are safe."""
        enough = max(steps, to_answer)
        if self._energy is None:
            return enough
        if hasattr(self._energy, "left"):
            return self._energy.left()
        return enough if self._energy.enough(steps) else 0

    def output(self):
        """The int8 scores, as an array. Raises RuntimeError while there is no answer."""
        self._status()
        return array("b", core.output(self._state))

    def prediction(self):
        """The answer as a Prediction. Raises RuntimeError while there is none."""
        raw = self.output()
        number = self._status()[_EXIT]
        scale, zero_point, temperature = self._scale, self._zero_point, 1.0 / self._scale
        if number:
            tensor, _, temperature = self._exits[number - 1]
            scale, zero_point = self._metadata.quantization(tensor)
        sure = confidence(raw, temperature) if len(raw) > 1 else None
        label = max(range(len(raw)), key=lambda i: raw[i]) if len(raw) > 1 else int(raw[0] > zero_point)
        return Prediction(label, to_real(raw, scale, zero_point, self._transform), number, True, sure)

    def quantize(self, values):
        """Bytes of a sample from floats (a flat list in the order of the training data), for networks packed with float
        data."""
        scales, offsets, repeat = self._metadata.input_scaling()
        if not scales:
            raise ValueError("this network takes the sensor's own integers; give them as they are")
        low, high = _LOWEST[self._type], _HIGHEST[self._type]
        sample, element = array(_CODES[self._type]), -1
        for element, value in enumerate(values):
            i = element // repeat % len(scales)
            sample.append(max(low, min(high, round(value * scales[i] + offsets[i]))))
        sample = bytes(sample)
        if len(sample) != self.sample_size:
            raise ValueError(f"{element + 1} values do not make a sample of shape {self.sample_shape}")
        return sample

    def _sample(self, sample):
        """The sample as a buffer."""
        if isinstance(sample, (list, tuple)):
            low, high = _LOWEST[self._type], _HIGHEST[self._type]
            if not all(isinstance(value, int) and low <= value <= high for value in sample):
                raise ValueError(f"sample must have integers in {low}..{high}; for floats see Model.quantize()")
            sample = array(_CODES[self._type], sample)
        return sample


def _is_buffer(memory):
    try:
        memoryview(memory)
        return True
    except TypeError:
        return False
