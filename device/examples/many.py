"""Classifies the samples of a file, one after another; power may fail at any instruction.

Nothing is lost and nothing is answered twice: answer number n has its place in the file of answers, and an answer stays
in nonvolatile memory until the next sample is committed, so writing it again after a power cut changes nothing.
"""

from freeml import Model


class Answers:
    """A file of records of the same size; record n belongs to sample n."""

    def __init__(self, file, record_size):
        self._file = file
        self._size = record_size

    def __len__(self):
        """Number of complete records."""
        return self._file.seek(0, 2) // self._size

    def put(self, number, record):
        self._file.seek(number * self._size)
        self._file.write(record)
        self._file.flush()


def run(blob, nvm, samples, answers):
    """blob, nvm: as Model wants them. samples, answers: open files; the scores of each sample are appended to answers."""
    model = Model(blob, nvm=nvm)
    answers = Answers(answers, model.outputs)

    if model.resume():  # was under way, or ready but perhaps not yet in the file, when power went
        answers.put(model.tag, model.output())

    count = samples.seek(0, 2) // model.sample_size
    for number in range(len(answers), count):
        samples.seek(number * model.sample_size)
        model.infer(samples.read(model.sample_size), tag=number)
        answers.put(number, model.output())
