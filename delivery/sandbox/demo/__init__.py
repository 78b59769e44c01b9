"""The demo: a good release promoted and a bad one rolled back, by the unmodified controller, before one's eyes.

It exists so that a stranger believes the product within two minutes. So nothing in it is staged: versions misbehave in
a simulated mesh, Prometheus measures them, the controller decides, and the outcome is read from the cluster's objects.
"""
