"""Learn from rows: tasks (Arrow and NumPy), heads and a loop (torch), learners and the models they give."""
