"""The C core inside CPython: the same code that runs on the devices, so that its answers are theirs to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from freeml_schema.journal import ARENA_OFFSET
from freeml_schema.model import Model

from freeml_pack._engine import ffi, lib

_OPEN_BUFFER_SIZE = 4096  # bytes; for checksums of a streamed blob
_PHASES = ("idle", "running", "done")  # in the order of fml_phase
_JOURNALS = ("blank", "valid", "foreign", "damaged")  # in the order of fml_journal_state
BOOT_LIMIT = int(lib.FML_BOOT_LIMIT)
"""Openings without a commit between them that mean: no progress."""


class EngineError(Exception):
    """The core refused. `status`: fml_status of freeml.h."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.text = ffi.string(lib.fml_status_text(status)).decode()
        super().__init__(self.text)


class Nvm(Protocol):
    """Nonvolatile memory of at least Engine.nvm_size bytes, as fml_nvm of freeml.h asks it to be."""

    def read(self, offset: int, size: int) -> bytes: ...

    def write(self, offset: int, data: bytes) -> None: ...

    def sync(self) -> None: ...


def _check(status: int) -> int:
    if status < 0:
        raise EngineError(status)
    return status


def refused_op(blob: bytes) -> int | None:
    """The operator for which the core refuses a blob; None where there is no such operator."""
    index = int(lib.freeml_refused_op(ffi.from_buffer(blob), len(blob)))
    return None if index < 0 else index


@dataclass(frozen=True)
class Exit:
    """Where an inference can end early: after operator `op`, with int8 scores whose two highest differ by `threshold` or more,
    255: never by itself. confidence: softmax(scores / temperature). real score = (q - zero_point) * scale."""

    op: int
    threshold: int
    temperature: float
    scale: float
    zero_point: int
    offset: int  # of the scores in the arena


class Engine:
    """A verified blob. `streamed`: weights are read step by step through a buffer, as from a file, instead of in place."""

    def __init__(self, blob: bytes, *, streamed: bool = False) -> None:
        self.blob = bytes(blob)
        self._bytes = ffi.from_buffer(self.blob)
        source = ffi.new("fml_source *", {"size": len(self.blob)})
        metadata = ffi.NULL
        if streamed:
            source.read = ffi.addressof(lib, "freeml_read_memory")
            source.context = ffi.cast("void *", self._bytes)
            metadata = ffi.new("uint8_t[]", self.blob[: _check(lib.fml_metadata_size(self._bytes, len(self.blob)))])
        else:
            source.mapped = self._bytes
        self._metadata = metadata  # the model points to it
        self.model = ffi.new("fml_model *")
        buffer = ffi.new("uint8_t[]", _OPEN_BUFFER_SIZE)
        _check(lib.fml_model_open(self.model, source, metadata, buffer, _OPEN_BUFFER_SIZE))
        self._session: Session | None = None

    @property
    def arena_size(self) -> int:
        """Bytes of the sample and the activations."""
        return int(self.model.arena_size)

    @property
    def scratch_size(self) -> int:
        """Bytes of working memory."""
        return int(self.model.scratch_size)

    @property
    def scratch_of_one_window(self) -> int:
        """The same for a port whose kernels for encoded weights take the pixels one by one."""
        return int(lib.freeml_scratch_of_one_window(self.model))

    @property
    def nvm_size(self) -> int:
        """Bytes of journal and arena."""
        return int(self.model.nvm_size)

    @property
    def sample_size(self) -> int:
        """Bytes of one sample."""
        return int(self.model.sample_size)

    @property
    def output_length(self) -> int:
        """Number of int8 scores."""
        return int(self.model.output_length)

    @property
    def op_count(self) -> int:
        return int(self.model.op_count)

    @property
    def model_id(self) -> int:
        """CRC-32 by which the journal knows the blob."""
        return int(self.model.model_id)

    @property
    def exits(self) -> tuple[Exit, ...]:
        """In the order of their operators."""
        model = Model.GetRootAs(self.blob)
        found = []
        for index in range(model.ExitsLength()):
            row = model.Exits(index)
            scores = model.Tensors(row.Tensor())
            quant = (scores.Scale(), scores.ZeroPoint())
            found.append(Exit(row.Op(), row.Threshold(), row.Temperature(), *quant, scores.Offset()))
        return tuple(found)

    def op_tiles(self, op: int) -> int:
        """Steps of an operator; 0 if there is no such operator."""
        return int(lib.fml_op_tiles(self.model, op))

    def run(self, sample: bytes | np.ndarray) -> np.ndarray:
        """int8 [output_length] scores of one sample (its sample_size bytes, or an array of the sample type)."""
        if self._session is None or self._session.stale:
            self._session = Session(self, bytearray(self.nvm_size))
        if self._session.phase == "running":
            self._session.cancel()
        self._session.start(sample)
        self._session.step()
        output = self._session.output()
        assert output is not None
        return output

    def run_exits(self, samples: np.ndarray, progress: Callable[[int], None] | None = None) -> np.ndarray:
        """int8 [N, exits + 1, output_length]: scores of each exit, the last layer's at the end. As run_batch."""
        nvm = bytearray(self.nvm_size)
        session, begins = Session(self, nvm), [ARENA_OFFSET + exit.offset for exit in self.exits]
        scores = np.empty((len(samples), len(begins) + 1, self.output_length), np.int8)
        for index, sample in enumerate(samples):
            session.start(sample)
            session.step()
            for number, begin in enumerate(begins):  # nothing overwrites them
                scores[index, number] = np.frombuffer(nvm, np.int8, self.output_length, begin)
            output = session.output()
            assert output is not None
            scores[index, -1] = output
            if progress is not None:
                progress(index + 1)
        return scores

    def run_batch(self, samples: np.ndarray, progress: Callable[[int], None] | None = None) -> np.ndarray:
        """int8 [N, output_length] scores of samples [N, ...] of the sample type.

        progress: called after each sample with the number done."""
        scores = np.empty((len(samples), self.output_length), np.int8)
        for index, sample in enumerate(samples):
            scores[index] = self.run(sample)
            if progress is not None:
                progress(index + 1)
        return scores


class _Port:
    """What the core's callbacks get. Apart from the session, so that no session is part of a cycle that only the garbage
    collector frees: it cannot clear a buffer that is in use."""

    def __init__(self, nvm: Any) -> None:
        self.nvm = nvm
        self.error: BaseException | None = None

    def guarded(self, access: Callable[[Any], None]) -> int:
        """Runs an NVM access on behalf of the core; an exception is kept until the core has returned."""
        try:
            access(self.nvm)
        except BaseException as error:
            self.error = error
            return -1
        return 0


class Session:
    """One inference after another on an NVM: a bytearray (or other writable buffer), used in place, or an `Nvm` object.

    What an `Nvm` method raises passes through the call that used it; the session is then stale and a new one on the same
    NVM recovers, as after a power cut."""

    def __init__(self, engine: Engine, nvm: bytearray | memoryview | np.ndarray | Nvm) -> None:
        self.engine = engine
        self._port = _Port(nvm)
        self._handle = ffi.new_handle(self._port)
        self._scratch = ffi.new("uint32_t[]", -(-engine.scratch_size // 4) + 1)  # uint32: aligned
        memory = ffi.new("fml_nvm *")
        arena, arena_size = ffi.NULL, 0
        if hasattr(nvm, "sync"):
            memory.read, memory.write, memory.sync = lib.freeml_nvm_read, lib.freeml_nvm_write, lib.freeml_nvm_sync
            memory.context, memory.size = self._handle, engine.nvm_size
            arena, arena_size = ffi.new("uint8_t[]", engine.arena_size), engine.arena_size
        else:
            self._buffer = ffi.from_buffer("uint8_t[]", nvm, require_writable=True)
            memory.mapped, memory.size = self._buffer, len(self._buffer)
        self._arena = arena
        self._session = ffi.new("fml_session *")
        self._call(lib.fml_session_open, engine.model, memory, arena, arena_size, self._scratch, engine.scratch_size)

    def _call(self, function: Callable[..., int], *args: Any) -> int:
        status = function(self._session, *args)
        if self._port.error is not None:
            error, self._port.error = self._port.error, None
            raise error
        return _check(status)

    def start(self, sample: bytes | np.ndarray, tag: int = 0) -> None:
        """Commits a sample as the one being inferred. EngineError BUSY while another one is running."""
        data = sample.tobytes() if isinstance(sample, np.ndarray) else bytes(sample)
        self._call(lib.fml_session_start, data, len(data), tag)

    def step(self, max_steps: int = 0) -> bool:
        """Runs at most max_steps steps, 0: all. True when the answer is there."""
        return self._call(lib.fml_session_step, max_steps) == lib.FML_DONE

    @property
    def exits(self) -> int:
        """Exits that the running inference has passed."""
        return int(lib.fml_session_exits(self._session))

    @property
    def margin(self) -> int | None:
        """Difference of the two highest int8 scores of the last exit passed; None: none passed."""
        margin = int(lib.fml_session_margin(self._session))
        return None if margin < 0 else margin

    def exit_now(self) -> None:
        """Ends the running inference with the scores of the last exit passed. EngineError NOT_DONE where there is none."""
        self._call(lib.fml_session_exit)

    @property
    def exit(self) -> int:
        """Number of the exit that answered, from 1; 0: the whole network, or no answer."""
        return int(self._session.exit)

    def cancel(self) -> None:
        """Gives up the inference under way, or the answer."""
        self._call(lib.fml_session_cancel)

    def output(self) -> np.ndarray | None:
        """int8 [output_length] scores, a copy; None while there is no answer."""
        scores = lib.fml_session_output(self._session)
        if scores == ffi.NULL:
            return None
        return np.frombuffer(ffi.buffer(scores, self.engine.output_length), np.int8).copy()

    @property
    def phase(self) -> str:
        """ "idle", "running" or "done"."""
        return _PHASES[self._session.phase]

    @property
    def stale(self) -> bool:
        """A memory failed; only a new session helps."""
        return bool(self._session.stale)

    @property
    def op(self) -> int:
        """Operator of the next step."""
        return int(self._session.op)

    @property
    def tile(self) -> int:
        """Tile of the next step."""
        return int(self._session.tile)

    @property
    def boots(self) -> int:
        """Openings since the last commit while running, this one included; from BOOT_LIMIT on there is no progress."""
        return int(self._session.boots)

    @property
    def journal(self) -> str:
        """What was found: "blank", "valid", "foreign" (of another model) or "damaged" (no slot intact)."""
        return _JOURNALS[self._session.journal]

    @property
    def tag(self) -> int:
        return int(self._session.tag)

    @property
    def sequence(self) -> int:
        """Number of the newest record."""
        return int(self._session.sequence)

    @property
    def slot(self) -> int:
        """The slot of the journal that the next record goes to first."""
        return int(self._session.slot)

    @property
    def remaining(self) -> int:
        """Steps until the answer; 0 when not running."""
        return int(lib.fml_session_remaining(self._session))

    @property
    def steps(self) -> int:
        """Steps run by this object."""
        return int(self._session.steps)

    @property
    def commits(self) -> int:
        """Commits by this object."""
        return int(self._session.commits)


@ffi.def_extern()
def freeml_nvm_read(context: Any, offset: int, to: Any, size: int) -> int:
    def access(nvm: Nvm) -> None:
        data = nvm.read(offset, size)
        if len(data) != size:
            raise ValueError(f"NVM read gave {len(data)} bytes instead of {size}")
        ffi.memmove(to, data, size)

    port: _Port = ffi.from_handle(context)
    return port.guarded(access)


@ffi.def_extern()
def freeml_nvm_write(context: Any, offset: int, data: Any, size: int) -> int:
    port: _Port = ffi.from_handle(context)
    return port.guarded(lambda nvm: nvm.write(offset, bytes(ffi.buffer(data, size))))


@ffi.def_extern()
def freeml_nvm_sync(context: Any) -> int:
    port: _Port = ffi.from_handle(context)
    return port.guarded(lambda nvm: nvm.sync())
