"""The process around the loop: queue, doorbell, reconciler and the composition of everything.

Only this room knows all the others. Logic that could be tested without a process does not belong here.
"""
