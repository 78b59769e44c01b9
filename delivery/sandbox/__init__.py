"""A cluster in a process: an API server, workloads, a mesh and a Prometheus, to try rollouts without any of them.

It is for people and for tests, never for production. The controller that runs on it is the same program as on a real
cluster and does not know the difference.
"""
