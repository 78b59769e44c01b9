"""The rollout, as values and pure functions.

Nothing in this room waits, reads a clock or talks to anybody. What was observed comes in as values, what is wanted
goes out as values; so every decision can be replayed, simulated and tested at any moment of any run.
"""
