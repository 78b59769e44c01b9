"""`delivery demo` as people meet it: it ends by itself and says how, or is ended and leaves nothing behind."""

import asyncio
import re
import signal
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner

from delivery.cli.demo import demo as command
from delivery.sandbox.demo.stories import DEFAULT, STORIES
from tests.sandbox.stage.processes import descendants, files_in, gone, running, text_of

LIMIT = 150.0
"""Seconds for a story that takes one, on a machine that has other work."""


async def ended(process):
    async with asyncio.timeout(LIMIT):
        await process.process.wait()
    return await process.ended()


async def test_a_good_version_is_promoted_and_a_bad_one_rolled_back(launch, environment, tmp_path):
    picture = tmp_path / "rollback.svg"
    async with launch("demo", f"--picture={picture}") as one:  # no terminal: lines
        assert await ended(one) == 0, (one.told, one.complaints)
    said = "\n".join(one.told)
    for words in (
        "== Release reviews v2",
        "== Release reviews v3",
        "requests failed (",
        "request-success-rate",
        "wrote VirtualService/reviews: reviews-primary 80 %, reviews-canary 20 %",
        "Every run ended as promised, by the cluster's own objects.",
    ):
        assert words in said
    assert re.search(r"Rolled back at 20 %: [\d,]+ of [\d,]+ requests failed \(", said)
    rows = [line for line in one.told if line.startswith("│ v")]
    assert [row.split("│")[2].strip() for row in rows] == ["Promoted", "RolledBack"]
    assert [row.split("│")[5].strip() for row in rows] == ["0", "0"], "requests were lost"
    assert "\x1b" not in said
    assert max(map(len, (line for line in one.told if line.startswith(("│", "┃"))))) <= 80
    text = "".join(ET.parse(picture).getroot().itertext())
    assert "RolledBack" in text.replace("\xa0", " ")
    assert "http" not in "".join(ET.parse(picture).getroot().find("{*}style").itertext())
    assert files_in(environment["TMPDIR"]) == []
    assert text_of(f"{environment['HOME']}/.kube/config") == "never touched"


OTHERS = {
    "slow-canary": "Rolled back at 20 %: request-duration",
    "broken-image": "Rolled back at 0 %: pod reviews-",
    "prometheus-down": "Promoted: ",
    "hand-edit": "ManualOverride: somebody set the canary's weight to 5 % by hand",
}
PEOPLE = {
    "approval": (
        "GateClosed: before promotion since",
        "Typed: delivery approve reviews -n bookinfo --gate sign-off --reason 'numbers are fine'  ->  ",
        "gate sign-off of reviews is approved (run ",
        "GateOpened: sign-off: approved by ",
        "Promoted: ",
        "Slack: one message, edited in place",
        "bookinfo/reviews: NewRevision",
        "bookinfo/reviews: GateClosed",
        "bookinfo/reviews: Promoted",
    ),
    "abort": (
        "Typed: delivery abort reviews -n bookinfo --reason 'checkout looks odd'  ->  reviews: the run has ended",
        "RolledBack: Rolled back at ",
    ),
    "undo": (
        "Typed: delivery undo reviews -n bookinfo  ->  reviews: Deployment bookinfo/reviews goes back to",
        "Typed: delivery promote reviews -n bookinfo --full",
        "serves all users; it was promoted by hand",
    ),
    "freeze": (
        "Frozen: rollouts are frozen until ",
        "Typed: delivery freeze --until 2h --reason 'the big days' --controller-namespace default  ->  frozen until ",
        "Typed: delivery unfreeze --controller-namespace default  ->  1 freeze ended in default",
        "Promoted: ",
    ),
}
"""What is told by the stories in which people type."""


async def tell(launch, name, prometheus="embedded"):
    async with launch("demo", f"--story={name}", f"--prometheus={prometheus}") as one:
        assert await ended(one) == 0, (name, one.told, one.complaints)
        return "\n".join(one.told)


async def test_every_other_story_ends_as_it_promises(launch):
    assert {DEFAULT, *OTHERS, *PEOPLE} == set(STORIES)
    which = ("embedded", "auto", "auto", "embedded")
    every = await asyncio.gather(*(tell(launch, name, each) for name, each in zip(OTHERS, which, strict=True)))
    for words, said in zip(OTHERS.values(), every, strict=True):
        assert words in said


async def test_what_people_type_is_carried_out_and_shown_with_its_answer(launch, environment):
    every = await asyncio.gather(*(tell(launch, name) for name in PEOPLE))
    for phrases, said in zip(PEOPLE.values(), every, strict=True):
        for words in phrases:
            assert words in said
    assert files_in(environment["TMPDIR"]) == []
    assert text_of(f"{environment['HOME']}/.kube/config") == "never touched"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_everything_that_it_started(launch, environment, number, code):
    async with launch("demo", ready="== reviews v1 is put under a Canary") as one:
        children = descendants(one.pid)
        assert running(children)
        one.send(number)
        assert await ended(one) == code
        await gone(children)
        assert one.complaints == []
    assert files_in(environment["TMPDIR"]) == []


def test_the_stories_are_listed_with_what_they_tell():
    result = CliRunner().invoke(command, ["--list"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(STORIES)


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--story=none", "'none' given, allowed: promote-and-roll-back, slow-canary, broken-image, prometheus-down"),
        ("--prometheus=maybe", "'maybe' given, allowed: auto, binary, embedded"),
        ("--picture=/", "--picture"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_is_allowed(option, complaint):
    result = CliRunner().invoke(command, [option])
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())
