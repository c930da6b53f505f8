"""Simulation of a device that lives on harvested energy: real traces, the real C core and journal (`freeml-sim`)."""
