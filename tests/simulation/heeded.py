"""A world in which all that people say is followed: each word is answered once, does what it says once, and holds."""

from typing import Any

from tests.simulation.commanded import Answers
from tests.simulation.held import Held
from tests.simulation.obeyed import Obeyed
from tests.simulation.simulation import Simulation


class Heeded(Simulation):
    """Bookinfo, and those who watch over people's words."""

    def __init__(self, seed: int | None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.answers, self.obeyed, self.held = Answers(self), Obeyed(self), Held(self)
