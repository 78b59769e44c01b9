"""A Canary with webhooks, and the services that answer them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from metrics.verdict import Outcome, Verdict
from strategies.gates import HookType
from strategies.questions import Ask, Question
from strategies.spec import HookSpec
from strategies.status import Phase
from tests.strategies.world import World, a_spec, healthy, steps

YES, NO = Verdict(Outcome.PASS), Verdict(Outcome.FAIL, message="HTTP 403")
SILENT = Verdict(Outcome.ERROR, message="http://hook cannot be reached")


@dataclass
class Services:
    """What each hook answers by its name, until somebody changes it; healthy otherwise."""

    says: dict[str, Verdict | Callable[[Question], Verdict | None] | None] = field(default_factory=dict)

    def __call__(self, question: Question) -> Verdict | None:
        if question.kind is not Ask.HOOK:
            return healthy(question)
        says = self.says.get(question.name, YES)
        return says(question) if callable(says) else says


def a_world(*types: HookType, threshold: int = 3, iterations: int = 0, **says: Verdict | None) -> World:
    """An initialised Canary with a hook of each type, named after it with underscores."""
    hooks = tuple(HookSpec(name=each.value.replace("-", "_"), type=each) for each in types)
    analysis = steps(*(() if iterations else (10, 50)), threshold=threshold, iterations=iterations)
    world = World(spec=a_spec(analysis=analysis, hooks=hooks), answerer=Services(dict(says)))
    return world.until_phase(Phase.INITIALIZED)


def services(world: World) -> Services:
    """Who answers this Canary's hooks."""
    assert isinstance(world.answerer, Services)
    return world.answerer


def asked(world: World, name: str = "") -> list[Question]:
    """The questions that its hooks, or the one of this name, were asked."""
    return [each for each in world.asked if each.kind is Ask.HOOK and name in ("", each.name)]
