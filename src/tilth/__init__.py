"""Take scarce, noisy, private data to a model in production, and see which data work paid off."""

from __future__ import annotations

__version__ = "0.1.0"
