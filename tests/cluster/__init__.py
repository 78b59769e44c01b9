"""A package, so that the control plane of its tests ends with the last of them and not with the whole session."""
