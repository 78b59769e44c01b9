"""How this room's values are named where they are written as JSON."""


def camel(name: str) -> str:
    """The JSON name of a field: canary_weight -> canaryWeight."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


JSON_NAMES = {"alias_generator": camel, "populate_by_name": True}
"""How whoever writes this room's values as JSON names their fields."""
