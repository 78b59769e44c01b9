"""The moments of a release at which something may happen to it."""

from strategies.status import Phase, Stage
from tests.simulation.scenes import initialised
from tests.simulation.simulation import Simulation

Moment = tuple[Phase, Stage, int]
"""The phase and stage that the status shows, and the weight that it wants."""

INITIALISING = [(Phase.INITIALIZING, stage, 0) for stage in (Stage.PRIMARY, Stage.ROUTES, Stage.APEX, Stage.DRAIN)]
RUNNING = [
    (Phase.PROGRESSING, Stage.NONE, 0),
    (Phase.PROGRESSING, Stage.NONE, 10),
    (Phase.PROGRESSING, Stage.NONE, 50),
    (Phase.PROMOTING, Stage.PRIMARY, 50),
    (Phase.FINALISING, Stage.ROUTES, 0),
    (Phase.FINALISING, Stage.DRAIN, 0),
]
LEAVING = [(Phase.FAILED, Stage.ROUTES, 0), (Phase.FAILED, Stage.DRAIN, 0)]


def named(moment: Moment) -> str:
    """A moment in the name of a test."""
    return "-".join(str(part) for part in moment if part != "")


def reach(sim: Simulation, moment: Moment, **spec: object) -> None:
    """Bring a Canary to a moment of its initialisation, of a good release, or of the end of a bad one.

    `spec` are members of its spec that it has from the beginning.
    """
    if moment in INITIALISING:
        sim.set_up(spec=spec)
        sim.start_controller()
    else:
        initialised(sim, spec=spec)
        sim.release("v2", quality="bad" if moment in LEAVING else "good")

    def there() -> bool:
        status = sim.status
        return (status.phase, status.stage, status.canary_weight) == moment

    sim.until(there, seconds=300, what=str(moment))
