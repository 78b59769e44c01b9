"""The cluster, behind Protocols: caches to read from, preconditioned writes, timers and leadership.

Everything above this room is the same program on a real API server and in the deterministic simulation; what differs
is the transport under it (`kubernetes.py` or `memory.py`), and only that.
"""
