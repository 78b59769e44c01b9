"""Looking on: somebody else moves traffic, and we say what we would have done.

The windows, questions, judges and counts are those of a rollout (strategies/rollout), asked about the pods of both
roles as the other side has them. What is missing here is everything that wants something of the cluster: there is no
`wanted`, so nothing can be written by mistake.
"""

from strategies.observing.looking import observe

__all__ = ["observe"]
