"""A rollout policy under test: the unmodified state machine and judges in virtual time, against a model of traffic."""
