"""Simulated memory chips, written from data sheets. They run in MicroPython and in CPython."""
