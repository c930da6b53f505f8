"""From int8 scores to what the original network returned."""

from math import exp, log, tanh


def to_real(raw, scale, zero_point, transform):
    """List of floats. raw: int8 scores; real = (q - zero_point) * scale, then the OutputTransform of schema/model.fbs."""
    return _TRANSFORMS[transform]([(q - zero_point) * scale for q in raw])


def confidence(raw, temperature):
    """Of the highest of int8 scores: its share of their softmax at a temperature; 0..1."""
    highest = max(raw)
    return 1.0 / sum([exp((q - highest) / temperature) for q in raw])


def _none(scores):
    return scores


def _softmax(scores):
    highest = max(scores)
    powers = [exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def _log_softmax(scores):
    highest = max(scores)
    total = highest + log(sum(exp(score - highest) for score in scores))
    return [score - total for score in scores]


def _sigmoid(scores):
    return [0.5 + 0.5 * tanh(0.5 * score) for score in scores]


_TRANSFORMS = (_none, _softmax, _log_softmax, _sigmoid)
