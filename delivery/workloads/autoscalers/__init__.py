"""Autoscalers: the primary's is a copy of the target's, and both hold what a run needs of pods while it needs it.

An autoscaler that halves the primary while its users are with the canary takes the way back from them; so the primary
keeps what it had when the run began, and the canary gets its pods before its share.
"""
