"""Commands on a real API server: by kubectl annotate and from the terminal."""

import json

from delivery.cluster.objects import CANARIES, VIRTUAL_SERVICES
from tests.cluster.harness.stage import HOUR, V2, Stage, weights
from tests.cluster.harness.telling import together
from tests.cluster.harness.terminal import delivery

COMMAND = "progressive.delivery/command"


@together
async def test_an_abort_by_kubectl_annotate_is_carried_out_once_and_answered(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    await stage.at_weight(20)
    given = json.dumps({"id": "a1", "verb": "abort", "by": "ann", "arguments": {"reason": "errors at checkout"}})
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.kubectl("annotate", "canary/reviews", f"{COMMAND}={given}")
        body = await stage.at_rest("Failed")

    assert routes.each(weights) == [(80, 20), (100, 0)]
    answered = body["status"]["command"]
    assert (answered["id"], answered["verb"], answered["accepted"]) == ("a1", "abort", True)
    assert body["metadata"]["annotations"][COMMAND] == given
    assert await stage.event("CommandAccepted") == "abort by ann (claimed) (errors at checkout)"
    assert stage.lost() == 0


@together
async def test_what_nobody_can_read_is_answered_with_what_is_allowed(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.kubectl("annotate", "canary/reviews", f'{COMMAND}={{"id": "a1", "verb": "stop"}}')
    said = await stage.event("CommandRefused")

    assert "verb: 'stop' given, allowed: promote, abort, retry, restart, pause, resume" in said
    body = await stage.api.get(stage.ref(CANARIES))
    assert body["status"]["command"]["accepted"] is False


@together
async def test_pause_resume_and_promote_from_the_terminal(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    await stage.at_weight(20)
    kubeconfig, where = stage.kubectl.kubeconfig, ("-n", stage.kubectl.namespace)
    paused = await delivery("pause", "reviews", *where, "--reason", "lunch", kubeconfig=kubeconfig)
    assert paused == (0, "reviews: held at 20 %; checks and rollback go on\n")
    assert await delivery("promote", "reviews", *where, "--full", kubeconfig=kubeconfig) == (
        1,
        "reviews: refused: it is paused; `delivery resume reviews` first\n",
    )
    assert await delivery("resume", "--all", *where, kubeconfig=kubeconfig) == (0, "reviews: it goes on\n")
    code, _ = await delivery("promote", "reviews", *where, "--full", kubeconfig=kubeconfig)
    assert code == 0
    body = await stage.at_rest("Succeeded")

    assert "promoted by hand" in body["status"]["message"]
    assert stage.lost() == 0
