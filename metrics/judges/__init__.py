"""How numbers become verdicts: pure functions, one way of judging a file."""
