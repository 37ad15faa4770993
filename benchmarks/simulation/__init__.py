"""Databases of any size whose figures are known: for tests and benchmarks of reports."""
