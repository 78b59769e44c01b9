"""What webhooks are told: Flagger's fields, so that receivers written for it understand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.api.hooks import Webhook
from strategies.gates import HookType
from strategies.plan import plan_for
from strategies.questions import Question
from strategies.spec import RolloutSpec
from strategies.status import Phase, Status

NANOSECONDS = 1_000_000_000
MOST_IN_KEY = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Where the Canary stands when a hook is called."""

    spec: RolloutSpec
    status: Status

    def body(self, hook: Webhook, question: Question) -> bytes:
        """The payload as JSON."""
        return encoded(self.fields(hook, run=question.run), hook.metadata)

    def fields(self, hook: Webhook, *, run: str) -> dict[str, Any]:
        """All but metadata.

        `checksum` identifies the revision, `buildId` the run (empty before it). `remainingTime` is what the rest of
        the plan takes at least, in nanoseconds.
        """
        status = self.status
        kind = HookType(hook.type or HookType.ROLLOUT)
        return {
            "name": self.spec.name,
            "namespace": self.spec.namespace,
            "phase": self._phase(kind, run).value,
            "checksum": self._revision(run),
            "buildId": run if run != self._revision(run) else "",
            "type": kind.value,
            "failedChecks": status.failed_checks,
            "canaryWeight": status.canary_weight,
            "iterations": status.iterations,
            "remainingTime": round(self._remaining_seconds() * NANOSECONDS),
        }

    def _phase(self, kind: HookType, run: str) -> Phase:
        """A revision that may not begin yet is waiting, whatever became of the one before it."""
        ended = self.status.farewell
        if kind is HookType.POST_ROLLOUT and ended is not None and ended.run == run:
            return ended.phase
        return Phase.WAITING if kind is HookType.CONFIRM_ROLLOUT else self.status.phase

    def _revision(self, run: str) -> str:
        """The revision of a run; before a run the question names the revision itself."""
        for known in (self.status.run, *self.status.history):
            if known is not None and known.id == run:
                return known.revision
        if self.status.farewell is not None and self.status.farewell.run == run:
            return self.status.farewell.revision
        return run or self.status.revision

    def _remaining_seconds(self) -> float:
        plan, run = plan_for(self.spec), self.status.run
        if run is None:
            return 0.0
        index = plan.index_of(self.status.canary_weight, run.step)
        checks = sum(plan.checks(each) for each in range(max(0, index), len(plan))) - self.status.iterations
        return max(0, checks) * self.spec.analysis.interval_seconds


def encoded(fields: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """The payload in the bytes that are signed."""
    return json.dumps({**fields, "metadata": dict(metadata)}, ensure_ascii=False, separators=(",", ":")).encode()
