"""The rollout state machine: the only place that knows phases.

`advance` looks at what was observed and says what the status must be next; `wanted` reads from a recorded status what
the cluster must look like. Between the two lies the write of the status, so that a crash at any moment leaves either
the old intention or the new one, never half of each.
"""

from strategies.rollout.advance import advance, refuse
from strategies.rollout.wanted import lowers, wanted

__all__ = ["advance", "lowers", "refuse", "wanted"]
