"""Unpack archives without harm."""
