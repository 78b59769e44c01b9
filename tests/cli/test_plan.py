"""`delivery plan`: what the controller would do is what it does in a rehearsal."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from delivery.cli import main
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES
from tests.cli.served import Served

EXAMPLES = Path(__file__).parents[2] / "examples"
REVIEWS = EXAMPLES / "reviews-canary" / "canary.yaml"
PLAYED = (
    *("ab-testing", "baking", "blue-green", "compared", "daemonset", "delegation", "kubernetes-blue-green"),
    *("metric-templates", "mirroring", "own-routes", "own-subsets", "service-fields", "service-target"),
    *("session-affinity", "switch", "switch-subsets", "tcp", "testers"),
)


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments])


def planned(*arguments: str) -> dict[str, Any]:
    result = plan(*arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    shown: dict[str, Any] = json.loads(result.stdout)
    return shown


def act(shown: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in shown["acts"] if each["act"] == name)


def files(folder: Path) -> list[str]:
    return [part for file in sorted(folder.glob("*.yaml")) for part in ("-f", str(file))]


@pytest.mark.parametrize("name", PLAYED)
def test_every_example_is_played_to_its_end(name: str) -> None:
    shown = planned(*files(EXAMPLES / name), "--steps")

    assert [each["act"] for each in shown["acts"]] == ["apply", "release"]
    assert act(shown, "release")["steps"][-1]["what"] == "Succeeded"


def test_steps_come_with_the_time_that_they_take() -> None:
    steps = [step for step in act(planned("-f", str(REVIEWS)), "release")["steps"] if step["what"].startswith("step")]

    assert [step["what"] for step in steps] == [
        f"step {n}/4: {weight} % to the canary" for n, weight in enumerate((5, 10, 25, 50), start=1)
    ]
    starts = [step["seconds"] for step in steps]
    # The first one waits until pods are warm; each then has its settling, a minute and a scrape.
    assert [b - a for a, b in pairwise(starts[1:])] == pytest.approx([85, 85], abs=1)
    assert starts[1] - starts[0] > 120


def test_every_object_is_shown_as_a_diff_where_it_is_written() -> None:
    shown = planned("-f", str(REVIEWS))
    made = {each["object"]: each["diff"] for moment in act(shown, "apply")["moments"] for each in moment["changes"]}
    moved = [moment for moment in act(shown, "release")["moments"] if moment["what"].startswith("step 1/4")]

    assert {"Deployment/reviews-primary", "Service/reviews", "VirtualService/reviews"} <= set(made)
    assert all(line.startswith("+") for line in made["Service/reviews-canary"].splitlines())
    [change] = moved[0]["changes"]
    assert change["object"] == "VirtualService/reviews"
    assert [line.split() for line in change["diff"].splitlines() if line[0] in "+-"] == [
        ["-", "weight:", "100"],
        ["+", "weight:", "95"],
        ["-", "weight:", "0"],
        ["+", "weight:", "5"],
    ]


def test_notes_are_shown_if_they_are_asked_for() -> None:
    assert "progressive.delivery/fence" not in plan("-f", str(REVIEWS)).stdout
    assert "progressive.delivery/fence" in plan("-f", str(REVIEWS), "--notes").stdout


def test_words_for_people_say_what_was_assumed() -> None:
    result = plan("-f", str(REVIEWS), "--steps")

    assert result.stdout.startswith(
        "Canary bookinfo/reviews, if all goes well:\n"
        "  assumed: Deployment reviews was not given: one with 2 pods stands in for it\n"
        "  assumed: a pod takes 5 s to become ready, every check passes\n"
        "\nkubectl apply: 0:01:"
    )
    assert "\x1b" not in result.output


def test_people_and_hooks_agree_at_once_and_that_is_said(tmp_path: Path) -> None:
    body = yaml.safe_load(REVIEWS.read_text())
    body["spec"]["analysis"] = {
        "gates": [{"name": "sign-off", "before": "promotion", "approval": {}}],
        "webhooks": [{"name": "smoke", "type": "confirm-rollout", "url": "http://tester.test/"}],
    }
    (tmp_path / "canary.yaml").write_text(yaml.safe_dump(body))
    shown = planned("-f", str(tmp_path / "canary.yaml"), "--steps")

    assert shown["assumed"][1:] == ["gate sign-off is opened at once", "webhook smoke agrees at once"]
    assert act(shown, "release")["steps"][-1]["what"] == "Succeeded"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"suspend": True}, "spec.suspend: given true, allowed false: nothing would ever happen"),
        ({"mode": "observe"}, "spec.mode: given observe, allowed apply: it writes nothing"),
        ({"analysis": {"interval": "5"}}, 'spec.analysis.interval: given "5", allowed'),
        ({"targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "reviews"}}, "spec.targetRef"),
    ],
)
def test_what_cannot_be_played_is_said(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    body = yaml.safe_load(REVIEWS.read_text())
    body["spec"] |= change
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(body))
    result = plan("-f", str(file))

    assert result.exit_code == 2
    assert words in result.stderr


def test_what_would_stand_in_the_way_is_the_answer(tmp_path: Path) -> None:
    """A Deployment whose pods its own selector does not select alone: preflight refuses it here as in a cluster."""
    route = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": "theirs", "namespace": "bookinfo"},
        "spec": {"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "reviews"}}]}]},
    }
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump(route))
    result = plan("-f", str(REVIEWS), "-f", str(tmp_path / "theirs.yaml"))

    assert result.exit_code == 2
    assert "apply does not come to its end: HostConflict" in result.stderr


def test_against_a_cluster_only_what_would_change_is_shown(served: Served, tmp_path: Path) -> None:
    reviews = list(yaml.safe_load_all((EXAMPLES / "reviews-canary" / "reviews.yaml").read_text()))
    for body in reviews:
        kind = {"Deployment": DEPLOYMENTS, "Service": SERVICES}.get(body["kind"])
        if kind is not None:
            meta = {**body["metadata"], "namespace": "shop"}
            served.create(kind, {**body, "metadata": meta}, "shop")
    canary = yaml.safe_load(REVIEWS.read_text())
    canary["metadata"]["namespace"] = "shop"
    (tmp_path / "canary.yaml").write_text(yaml.safe_dump(canary))
    shown = planned(
        *("-f", str(tmp_path / "canary.yaml"), "--against", "cluster", "-n", "shop"),
        *("--kubeconfig", str(served.kubeconfig)),
    )

    assert shown["assumed"] == []
    changes = {each["object"]: each["diff"] for moment in act(shown, "apply")["moments"] for each in moment["changes"]}
    selector = [line.strip() for line in changes["Service/reviews"].splitlines() if line[0] in "+-"]
    assert selector
    assert all("reviews" in line for line in selector)
    assert served.get(CANARIES, "reviews", "shop") is None
    assert served.get(DEPLOYMENTS, "reviews-primary", "shop") is None


@pytest.mark.parametrize("named", ["manifest", "option", "context"])
def test_the_namespace_is_that_of_the_manifest_else_of_the_option_else_of_the_context(
    served: Served, tmp_path: Path, named: str
) -> None:
    canary = yaml.safe_load(REVIEWS.read_text())
    del canary["metadata"]["namespace"]
    target = {**canary["spec"]["targetRef"], "metadata": {"name": "reviews"}, "spec": deployment("reviews")}
    served.create(DEPLOYMENTS, target, "shop")
    if named == "manifest":
        canary["metadata"]["namespace"] = "shop"
    (tmp_path / "canary.yaml").write_text(yaml.safe_dump(canary))
    config = yaml.safe_load(served.kubeconfig.read_text())
    if named == "context":
        config["contexts"][0]["context"]["namespace"] = "shop"
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    shown = planned(
        *("-f", str(tmp_path / "canary.yaml"), "--against", "cluster", "--steps"),
        *("--kubeconfig", str(tmp_path / "config"), *(("-n", "shop") if named == "option" else ())),
    )

    assert (shown["canary"], shown["assumed"]) == ("shop/reviews", [])


def deployment(name: str) -> dict[str, Any]:
    pods = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name, "image": "reviews:1"}]}}
    return {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": pods}


def test_an_option_that_contradicts_the_manifest_is_refused() -> None:
    result = plan("-f", str(REVIEWS), "-n", "shop")

    assert result.exit_code == 2
    assert "-n: given shop, allowed bookinfo, which is metadata.namespace of the Canary" in result.output


def test_what_kubectl_has_written_as_a_list_is_played(tmp_path: Path) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(REVIEWS.read_text())]}
    (tmp_path / "list.yaml").write_text(yaml.safe_dump(listed))

    assert planned("-f", str(tmp_path / "list.yaml"), "--steps")["canary"] == "bookinfo/reviews"


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_routes_of_any_version_of_istios_are_played(tmp_path: Path, version: str) -> None:
    folder = EXAMPLES / "own-routes"
    routes = list(yaml.safe_load_all((folder / "before-routes.yaml").read_text()))
    for each in routes:
        if each["kind"] == "VirtualService":
            each["apiVersion"] = f"networking.istio.io/{version}"
    (tmp_path / "routes.yaml").write_text(yaml.safe_dump_all(routes))
    shown = planned("-f", str(folder / "canary.yaml"), "-f", str(tmp_path / "routes.yaml"), "--steps")

    assert act(shown, "release")["steps"][-1]["what"] == "Succeeded"


def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "canary.yaml").write_text("kind: Canary\nspec: [1, 2\nb: {")
    result = plan("-f", str(tmp_path / "canary.yaml"))

    assert result.exit_code == 2
    assert f"Error: {tmp_path / 'canary.yaml'}:3: is no YAML: expected" in result.output


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path) -> None:
    result = plan("-f", str(REVIEWS), "--against", "cluster", "--kubeconfig", str(tmp_path / "none"))

    assert result.exit_code == 1
    assert "none" in result.stderr
    assert "Traceback" not in result.output
