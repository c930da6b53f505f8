"""Cores that are broken on purpose, each in one way. A campaign that does not notice all of them proves nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Text of a source file, there exactly once, and what to put in its place."""

    file: str  # below native/src
    old: str
    new: str

    def apply(self, source: str) -> str:
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.file} has this {count} times instead of once, adapt {__file__}: {self.old!r}")
        return source.replace(self.old, self.new)


@dataclass(frozen=True)
class Mutant:
    name: str
    edits: tuple[Edit, ...]
    left_out: bool = False  # to be run on the model with commits left out, which no other core opens


def _mutant(name: str, file: str, *edits: tuple[str, str]) -> Mutant:
    return Mutant(name, tuple(Edit(file, old, new) for old, new in edits))


_FLUSH = "    int status = flush(session);\n    if (status == FML_OK) {\n"
_SYNC = "        status = fml_nvm_sync(&session->nvm);\n"
_WRITE = "        status = fml_journal_write(&session->nvm, session->slot, &record);\n"
_TWICE = "return status == FML_OK ? write_slot(nvm, first ^ 1, bytes) : status;"
_IDLE = "return fml_session_commit(session, FML_PHASE_IDLE, 0);"
_NEWER = "(journal->newest.sequence - record.sequence) >> 31 != 0"

MUTANTS = (
    # what a valid record is
    _mutant(
        "checksum-not-checked",
        "journal.c",
        ("record->crc32 == checksum(record)", "true"),
    ),
    _mutant("older-record-wins", "journal.c", (_NEWER, _NEWER.replace("!=", "=="))),
    _mutant("sequence-does-not-wrap", "journal.c", (_NEWER, "journal->newest.sequence < record.sequence")),
    _mutant("foreign-record-resumed", "session.c", ("record->model_id != model->model_id || ", "")),
    # the order of writes
    _mutant(
        "record-before-data",
        "session.c",
        (_FLUSH + _SYNC, _FLUSH.replace("flush(session)", "FML_OK") + _SYNC),
        (_WRITE, _WRITE + "        (void)flush(session);\n"),
    ),
    _mutant("no-sync-between-data-and-record", "session.c", (_SYNC, "")),
    _mutant("second-slot-not-written", "journal.c", (_TWICE, "return status;")),
    _mutant(
        "no-sync-between-slots",
        "journal.c",
        ("    return fml_nvm_sync(nvm);\n", "    return FML_OK;\n"),
        (_TWICE, "return status == FML_OK && write_slot(nvm, first ^ 1, bytes) == FML_OK ? fml_nvm_sync(nvm) : status;"),
    ),
    Mutant(
        "slots-written-in-turn",
        (
            Edit("journal.c", _TWICE, "return status;"),
            Edit("session.c", "    session->commits++;\n", "    session->commits++;\n    session->slot ^= 1;\n"),
        ),
    ),
    _mutant("newest-slot-written-first", "session.c", ("session->slot = journal->slot ^ 1;", "session->slot = journal->slot;")),
    # a model kept in memory that survives
    _mutant("seal-not-checked", "reopen.c", ("kept->seal == seal_of(model) && ", "kept->seal != 0 && ")),
    _mutant("refused-blob-sealed", "reopen.c", ("if (status == FML_OK) {", "if (status <= FML_OK) {")),
    _mutant("another-blob-not-noticed", "reopen.c", ("== model->model_id && same_header(header, metadata)", "!= 0")),
    _mutant("another-streamed-blob-not-noticed", "reopen.c", ("header = bytes;", "header = metadata;")),
    # what is committed
    Mutant(
        "forced-commits-left-out", (Edit("commit_rule.c", "return FML_ERROR_COMMIT_RULE;", "return FML_OK;"),), left_out=True
    ),
    _mutant("boot-not-recorded", "session.c", ("status = count_boot(session);", "session->boots++;")),
    _mutant("answer-not-given-up", "session.c", (_IDLE, "return FML_OK;")),
    _mutant("idle-taken-for-granted", "session.c", (_IDLE, f"return session->phase == FML_PHASE_IDLE ? FML_OK : {_IDLE[7:]}")),
    _mutant(
        "end-not-committed",
        "session.c",
        (
            "return fml_session_commit(session, FML_PHASE_DONE, 0);",
            "session->phase = FML_PHASE_DONE;\n        return FML_OK;",
        ),
    ),
    # the arena in RAM and in nonvolatile memory
    _mutant(
        "sample-not-written", "session.c", ("(void)mark(session, FML_MODEL_OF(session)->sample_offset, size);", "(void)size;")
    ),
    _mutant(
        "sample-not-restored",
        "session.c",
        (
            "if (!fml_model_writes(FML_MODEL_OF(session), bytes->tensor, 0, written)) {",
            "if (bytes->tensor == FML_NO_INDEX || !fml_model_writes(FML_MODEL_OF(session), bytes->tensor, 0, written)) {",
        ),
    ),
    _mutant("second-input-not-restored", "session.c", ("input < 2 && status", "input < 1 && status")),
    _mutant("unfinished-tensor-not-restored", "session.c", ("(uint32_t)session->op + (session->tile > 0)", "session->op")),
    _mutant("answer-not-restored", "session.c", ("uint32_t exit = fml_model_exits(model);", "uint32_t exit = 0;")),
    _mutant("exit-not-recorded", "session.c", ("FML_EARLY_EXITS ? session->exit : 0", "0")),
    _mutant("exit-not-recovered", "session.c", ("set_exit(session, record->exit);", "")),
    _mutant(
        "exit-not-forgotten",
        "session.c",
        ("    set_exit(session, 0);\n", ""),
    ),
    _mutant("exit-too-early", "exits.c", ("exit.op < session->op", "exit.op <= session->op")),
    _mutant(
        "piece-not-written",
        "session.c",
        ("    int status = flush(session);\n    session->dirty_begin", "    int status = FML_OK;\n    session->dirty_begin"),
    ),
    _mutant(
        "bytes-between-written-again",
        "session.c",
        ("bool touches = begin <= session->dirty_end && end >= session->dirty_begin;", "bool touches = true;"),
    ),
    _mutant("old-constants-used", "session.c", ("    fml_interp_reset(model, session->scratch);\n", "")),
)
