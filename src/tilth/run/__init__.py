"""Carry a recipe out: plan as data, stages that resume, rows whose fate is on record."""
