"""Keep what others push, durably and once, until a run reads it."""
