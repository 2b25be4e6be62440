"""Say what is learnt: rows to token ids and targets, logits to answers, answers to a score. No framework here."""
