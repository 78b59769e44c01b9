"""Requests to addresses that users have written down: webhooks, alert services. Nowhere else are such addresses called.

Whoever may create a Canary could otherwise use the controller to reach what only it can reach: its own loopback, the
node's metadata service, the API server. So each address is looked at after its name was resolved and again after each
redirect, answers are bounded in size and time, and nothing of a request or an answer is ever logged.
"""
