"""Who and what a rollout waits for besides its own figures: people, calendars, freezes, services behind webhooks."""
