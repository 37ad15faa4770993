"""Databases of any size whose figures are known: for tests and benchmarks of reports."""

from telemetry.simulation.simulate import simulate

__all__ = ["simulate"]
