"""What is about requests is refused for TCP where it is written: by the rule in the schema, and by the model."""

import pytest

from delivery.api import crd
from delivery.api.parse import InvalidSpec, parse_canary

GIVEN = {
    "analysis.mirror": (True, "has(self.analysis.mirror) && self.analysis.mirror"),
    "analysis.match": (
        [{"headers": {"a": {"exact": "b"}}}],
        "has(self.analysis.match) && size(self.analysis.match) > 0",
    ),
    "analysis.testerMatch": (
        [{"headers": {"a": {"exact": "b"}}}],
        "has(self.analysis.testerMatch) && size(self.analysis.testerMatch) > 0",
    ),
    "analysis.sessionAffinity": ({"cookieName": "v"}, "has(self.analysis.sessionAffinity)"),
    "service.timeout": ("5s", "has(self.service.timeout)"),
    "service.retries": ({"attempts": 2}, "has(self.service.retries)"),
    "service.rewrite": ({"uri": "/"}, "has(self.service.rewrite)"),
    "service.headers": ({"request": {"set": {"a": "b"}}}, "has(self.service.headers)"),
    "service.corsPolicy": ({"allowOrigins": [{"exact": "*"}]}, "has(self.service.corsPolicy)"),
}


@pytest.mark.parametrize("path", GIVEN)
def test_a_canary_for_connections_that_speaks_of_requests_is_refused(canary, path):
    part, field = path.split(".")
    spec = {"service": {"port": 80, "appProtocol": "tcp"}, "analysis": {"stepWeights": [10]}}
    spec[part][field] = GIVEN[path][0]
    with pytest.raises(InvalidSpec, match=r'spec\.service\.appProtocol: given "tcp" together with'):
        parse_canary(canary(**spec))


def test_the_rule_of_the_schema_asks_for_each_of_them_and_only_with_tcp():
    """Servers from 1.25 on evaluate it, so that such a Canary never gets into the cluster."""
    rules = {each["message"]: each["rule"] for each in crd.spec_schema("Canary")["x-kubernetes-validations"]}
    (rule,) = [rule for message, rule in rules.items() if message.startswith("requests cannot be mirrored")]
    tcp, _, asked = rule.partition(" || ")
    assert tcp == "!(has(self.service.appProtocol) && self.service.appProtocol.lowerAscii() == 'tcp')"
    said = asked.removeprefix("!(").removesuffix(")").split(" || ")
    assert {f"({clause})" for _, clause in GIVEN.values()} <= set(said)
