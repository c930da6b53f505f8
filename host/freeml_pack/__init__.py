"""Packs pre-trained PyTorch models into FreeML blobs for batteryless devices."""

__version__ = "0.1.0"
