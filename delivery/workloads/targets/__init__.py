"""What can be a target: one file a kind, beside the Protocol that they share and the registry that finds them."""
