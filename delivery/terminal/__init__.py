"""What a Canary does and why, for somebody at a terminal: objects of the cluster in, a frozen value out, then text.

Three layers, so that each can be looked at alone: what was read (seen.py), what it means (screen.py, why.py, runs.py,
outcome.py: pure, the present time given), and how it is shown (view.py as text, shape.py as JSON). Nothing here asks
a cluster anything, and nothing here believes more than the objects say.
"""
