"""Where the manifests of the example are: beside the package in a checkout, inside it in an installed wheel."""

from pathlib import Path

_HERE = Path(__file__).parent


def folder(name: str = "reviews-canary") -> Path:
    """The folder of an example; FileNotFoundError if this installation has none."""
    for candidate in (_HERE / "examples" / name, _HERE.parents[1] / "examples" / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the example {name} is not part of this installation")
