"""The Kubernetes objects of a rollout: what we make of the user's Deployment and Services, and how we read them.

Pure functions from a Canary's names and observed objects to changes and observations. Nothing here talks to a
cluster; so what would be written can be tested, simulated and explained without one.
"""
