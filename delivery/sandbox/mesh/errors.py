"""What the mesh refuses: a field that it does not know must never be passed over in silence."""


class MeshConfigError(ValueError):
    """An object that the mesh cannot take: the text names the field, what was given, and what is allowed."""
