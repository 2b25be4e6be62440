"""Measure models: reports, intervals, calibration, thresholds, slices, worst errors, baselines.

Everything here is a pure function or a frozen dataclass over NumPy and Arrow; results turn into JSON with `to_json()`.
"""
