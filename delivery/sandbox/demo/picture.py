"""A frame as an SVG: the picture of the README is made by the demo and not by hand."""

import io
import re
from pathlib import Path

from rich.console import Console

from delivery.sandbox.demo.frame import Frame
from delivery.sandbox.demo.view import Screen

WIDTH = 80
_FONTS = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)


def draw(frame: Frame, file: Path) -> None:
    """Write the frame to `file`. It asks for no font from elsewhere, so that it shows without a network."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Screen(frame))
    file.write_text(_FONTS.sub("", console.export_svg(title="delivery demo", unique_id="demo")))
