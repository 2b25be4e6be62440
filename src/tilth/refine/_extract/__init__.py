"""Turn documents into text; every reader runs in a child process that may die (`pool.py`)."""
