"""What people and machines can see of the controller: logs, metrics and health.

It is told and never asks: no other room is called from here, so that looking at the process cannot change it.
"""
