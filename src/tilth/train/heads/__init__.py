"""Turn an encoder's hidden states into logits, and logits and targets into a loss, one file a task."""
