"""What there is to decide and to measure, one kind of answer a file."""
