"""Asks for numbers and judges them.

This room knows nothing of Kubernetes or of strategies: it turns a question about a piece of time into one of four
verdicts. `metrics.verdict` is the only part of it that the state machine sees.
"""
