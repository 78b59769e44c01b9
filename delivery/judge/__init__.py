"""The judge on what already happened: would it have rolled past releases back, when, and on what evidence?

Trust in a judge comes from seeing what it says of releases whose end is known. So this room takes requests that a
Prometheus has counted, finds the stretches in which two workloads served side by side, and replays them through the
very judge that decides in the controller. It only reads, needs no cluster and nothing installed in one, and is polite:
few questions at a time, each about a bounded number of samples, and none twice after an interruption.
"""
