"""What a Canary would do, played before it is applied by the unmodified controller, in memory and in virtual time.

Nothing is computed twice: the objects that a plan shows are those that the controller wrote there, and the times are
those at which it did. What a rehearsal assumes is little and said aloud: pods become ready, every check passes, people
and hooks agree at once.
"""
