"""Telling people, outside the loop: a rollout never waits for somebody to listen.

What is to be told stands in a Canary's outbox (its status), so nothing is lost with the process; this room
carries it to its sinks and reports what has arrived.
"""
