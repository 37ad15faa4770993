"""What became of every completion: recorded durably, without source text, and reported honestly.

Front doors are handed a `Recorder` (`telemetry.recorder`); `telemetry.journal.open_recorder` makes
the real one. `telemetry.report` turns the recorded files into figures.
"""
