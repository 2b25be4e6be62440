"""Fit a model to rows: one learner a file; its fields are the keys under `train:` in a recipe."""
