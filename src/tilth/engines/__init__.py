"""Machines that run steps and exchanges; they know no data."""
