"""Whatever the embedded Prometheus answers, a real one answers the same to the same samples.

Each query is asked at moments on, between and around scrapes, within births, deaths and gaps, and after all of it.
"""

import pytest

from delivery.sandbox.promql.storage import Storage
from tests.sandbox.promql.conftest import Embedded, Real, assert_same
from tests.sandbox.promql.recordings import NOON, everything

SECONDS = (-3600, -595, -400, -380, -105.001, -105, -37.123, -15, -0.001, 0, 7.777, 300.001)
MOMENTS = [NOON + round(seconds * 1000) for seconds in SECONDS]

SELECTORS = [
    "req",
    '{__name__="req"}',
    '{__name__=~"re.|g"}',
    'req{code="500"}',
    'req{code!="200"}',
    'req{code=~"5.."}',
    'req{code=~"5"}',
    'req{code!~"5..|200"}',
    'req{zone=""}',
    'req{zone!=""}',
    'req{zone=~".+"}',
    'req{zone=~"|a"}',
    'req{pod=~"(?i)BUSY"}',
    'req{pod=~"b[ua].*",code="200"}',
    "nothing",
    'req{pod="busy",pod="quiet"}',
    r'text{value="a \"quoted\" \\ word"}',
    'text{value=`a "quoted" \\ word`}',
    r"text{value=~`a\.b`}",
    r'text{value=~"a\\.b"}',
    'text{value=~"a.b"}',
    r'text{value="\u00fcn\u00ef"}',
    "req offset 1m",
    "req offset -1m",
    "req offset 400s",
    "req @ 1772366300",
    "req @ 1772366300.5 offset 30s",
    "req @ end()",
    "req[1m]",
    "req[15s]",
    "req[1ms]",
    "req[5m] offset 90s",
    "req[1m] @ start()",
    "odd[5m]",
    "g",
    "odd",
    "big",
    "up # a comment",
]
OF_RANGES = [
    f"{function}({selector}[{length}]{offset})"
    for function in ("rate", "increase", "delta", "irate", "idelta", "resets", "changes", "last_over_time")
    for selector, length, offset in (
        ("req", "1m", ""),
        ("req", "5m", " offset 1m"),
        ("req", "17s", ""),
        ("odd", "2m", ""),
    )
] + [
    f"{function}_over_time({selector}[{length}])"
    for function in ("sum", "avg", "min", "max", "count", "last", "present", "absent")
    for selector, length in (
        ("req", "1m"),
        ("g", "3m"),
        ("odd", "10m"),
        ("inf", "10m"),
        ("big", "10m"),
        ("nothing", "1m"),
    )
]
OF_VECTORS = [
    "abs(g)",
    "ceil(g)",
    "floor(g)",
    "round(g)",
    "round(g, 0.3)",
    "round(g, 0)",
    "round(odd)",
    "clamp(g, -1, 3)",
    "clamp(g, 3, -1)",
    "clamp(g, NaN, 3)",
    "clamp_min(g, 1)",
    "clamp_max(g, 1)",
    "sgn(g)",
    "sgn(odd)",
    "sqrt(g)",
    "exp(g)",
    "exp(odd)",
    "ln(g)",
    "ln(odd)",
    "log2(g)",
    "log10(g)",
    "abs(odd)",
    "ceil(odd)",
    "floor(odd)",
    "-g",
    "-odd",
    "+g",
    "timestamp(req)",
    "timestamp((req))",
    "timestamp(req offset 1m)",
    "timestamp(req + 1)",
    "sort(req)",
    "sort_desc(g)",
    "vector(1)",
    "vector(time())",
    "absent(nothing)",
    'absent(nothing{a="b",c=~"d",e="f",e="g"})',
    'absent((nothing{a="b"}))',
    'absent(sum(nothing{a="b"}))',
    "absent(req)",
    'absent_over_time(nothing{a="b"}[5m])',
    "absent_over_time(req[5m])",
]
SCALARS = [
    "1",
    "-1",
    "1.5e3",
    "0x1F",
    "Inf",
    "-Inf",
    "NaN",
    "time()",
    "-time()",
    "scalar(up)",
    "scalar(req)",
    "scalar(nothing)",
    '"text"',
    "1 + 2 * 3 ^ 2 ^ 0.5",
    "-2 ^ 2",
    "(-2) ^ 0.5",
    "0 ^ -1",
    "10 ^ 400",
    "(-10) ^ 401",
    "7 % 3",
    "-7 % 3",
    "7 % 0",
    "Inf % 2",
    "1 / 0",
    "-1 / 0",
    "0 / 0",
    "NaN / 0",
    "Inf / 0",
    "1 / -0",
    "1 == bool 1",
    "1 != bool 1",
    "2 > bool NaN",
    "1e21",
    "123456789012345678901",
    "1e-7",
    "0.000001",
    "0.0000012345",
    "1 / 3",
]
AGGREGATIONS = [
    f"{name}{grouping}({inner})"
    for name in ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
    for grouping, inner in (
        ("", "req"),
        (" by (pod)", "req"),
        (" by (pod, zone)", "req"),
        (" by (__name__)", '{__name__=~"req|g"}'),
        (" without (code)", "req"),
        ("", "g"),
        (" by (nothing)", "g"),
        ("", "odd"),
        ("", "nothing"),
    )
] + [
    "topk(3, req)",
    "topk(1, req) by (code)",
    "bottomk(2, g)",
    "topk(2, g)",
    "topk(0, req)",
    "topk(-1, req)",
    "topk(scalar(up) + 1.9, req)",
    "topk(NaN, req)",
    "quantile(0.5, req)",
    "quantile(0.9, g) by (b)",
    "quantile(-1, req)",
    "quantile(2, req)",
    "quantile(NaN, req)",
    "quantile(1, req)",
]
BINARY = [
    "req * 2",
    "2 - req",
    "req / 0",
    "0 / req",
    "g % 3",
    "g ^ 2",
    "g ^ 0.5",
    "2 ^ g",
    "req > 50",
    "50 > req",
    "50 < bool req",
    "req == bool 7",
    "req != 7",
    "g >= g",
    "g == g",
    "g != g",
    "g + h",
    "g / h",
    "g > h",
    "g > bool h",
    "g + on (a) h",
    "g + on (b) h",
    "g + on (a, b) h",
    "g > on (a) h",
    "g + ignoring (b) h",
    "g > ignoring (b) h",
    "g + ignoring (a) h",
    "g * on (a) group_left h",
    "g * on (b) group_left sum by (b) (h)",
    "sum by (b) (h) * on (b) group_right g",
    "sum by (b) (h) - on (b) group_right () g",
    "req * on (pod) group_left (version) pod_info",
    "pod_info * on (pod) group_right (version) req",
    "req > on (pod) group_left (version) pod_info",
    "req > bool on (pod) group_left (version) pod_info",
    "req * on (pod) pod_info",
    "pod_info / on (pod) req",
    "req * on (pod) group_left (code) pod_info",
    "nothing * on () req",
    "req * on () group_left () vector(2)",
    "req + on () vector(2)",
    "g and h",
    "g or h",
    "g unless h",
    "g and on (b) h",
    "g or on (b) h",
    "g unless on (a) h",
    "g and ignoring (a) h",
    "g or ignoring (b) h",
    "g or nothing",
    "nothing or g",
    "nothing and g",
    "g unless nothing",
    "g or vector(0)",
    "sum(nothing) or vector(0)",
    "(sum(nothing) or vector(0)) / sum(req)",
    '{__name__=~"g|h"} + 1',
    '{__name__=~"g|h"} > 1',
    '-{__name__=~"g|h"}',
    'rate({__name__=~"g|h"}[1m])',
    'last_over_time({__name__=~"g|h"}[1m])',
    'abs({__name__=~"g|h"})',
    '{__name__=~"g|h"} * on (a) group_left g',
    "h < on (a) g < 100",
    "g + g * 2 - g / 2",
    "time() - timestamp(req)",
]
HISTOGRAMS = [
    f"histogram_quantile({quantile}, {inner})"
    for quantile in ("0", "0.01", "0.5", "0.9", "0.99", "1", "-1", "2", "NaN", "scalar(up) / 2")
    for inner in ("lat_bucket", "rate(lat_bucket[1m])", "sum by (le) (rate(lat_bucket[5m]))")
] + [
    "histogram_quantile(0.9, req)",
    "histogram_quantile(0.9, nothing)",
    "histogram_quantile(0.9, sum by (le, pod) (increase(lat_bucket[1m])))",
    'histogram_quantile(0.9, {__name__=~"lat_bucket|req"})',
]
SUBQUERIES = [
    "max_over_time(rate(req[1m])[5m:15s])",
    "avg_over_time(sum(req)[3m:30s])",
    "rate(req[5m:20s])",
    "increase(sum by (pod) (req)[5m:])",
    "max_over_time(g[5m:7s] offset 1m)",
    "count_over_time(req[2m:1m] @ 1772366300)",
    "last_over_time((req + 1)[2m:30s])",
    "absent_over_time(nothing[5m:1m])",
    "sum_over_time(max_over_time(g[1m:10s])[2m:30s])",
    "req[1m:20s]",
]
LABELS = [
    f"label_replace({inner})"
    for inner in (
        'req, "asked", "7", "", ""',
        'sum(req), "asked", "7", "", ""',
        'nothing, "asked", "7", "", ""',
        'req, "pod", "", "", ""',
        'req, "pod", "x-$1", "pod", "(b.).*"',
        'req, "pod", "${1}x-$0", "pod", "(b.).*"',
        'req, "pod", "$1x-$0", "pod", "(b.).*"',
        'req, "pod", "$$-$2-$nobody", "pod", "b(.)(x)?.*"',
        'req, "first", "$head", "pod", "(?P<head>.).*"',
        'req, "first", "$", "pod", "(.).*"',
        'req, "code", "same", "pod", ".*"',
        'req, "__name__", "other", "", ""',
        'req, "__name__", "", "", ""',
        'req, "0", "x", "", ""',
        'req, "a", "x", "pod", "("',
        '{__name__=~"g|h"}, "__name__", "i", "", ""',
    )
] + [
    'label_replace(sum(req), "asked", "0", "", "") or label_replace(sum(req), "asked", "1", "", "")',
    '(label_replace(count(req), "a", "0", "", "") or label_replace(count(nothing), "a", "1", "", ""))',
    '(label_replace(sum(req offset 1m), "a", "2", "", "") or (label_replace(vector(0), "a", "3", "", "") or sum(g)))',
]
REFUSED_BY_BOTH = [
    "",
    "foo bar",
    "rate(req)",
    "sum(req",
    "nosuch(req)",
    "1 > 2",
    '{a=""}',
    '{a=~".*"}',
    "req + 1 and 2",
    "req[1m] + 1",
    "sum(1)",
    'req{pod=~"(["}',
    "rate(req[1m])[5m",
    "req{pod='a'",
    "req * on (pod) group_left (pod) pod_info",
    "req offset",
    'req{__name__="g"}',
]

FAMILIES = (
    *(SELECTORS, OF_RANGES, OF_VECTORS, SCALARS, AGGREGATIONS),
    *(BINARY, HISTOGRAMS, SUBQUERIES, LABELS, REFUSED_BY_BOTH),
)


@pytest.fixture(scope="module")
def both(real: Real) -> tuple[Embedded, Real]:
    embedded = Embedded(Storage())
    embedded.record(everything())
    real.record(everything())
    return embedded, real


@pytest.mark.parametrize("query", [query for family in FAMILIES for query in family])
def test_a_question_has_the_same_answer(both: tuple[Embedded, Real], query: str) -> None:
    embedded, real = both
    for at in MOMENTS:
        assert_same(embedded.instant(query, at), real.instant(query, at), (query, at - NOON))


@pytest.mark.parametrize(
    "query", ["sort(req)", "sort_desc(req)", "sort(g)", "sort_desc(g)", "topk(5, g)", "bottomk(5, g)"]
)
def test_what_has_an_order_has_the_same(both: tuple[Embedded, Real], query: str) -> None:
    embedded, real = both
    for at in MOMENTS:
        ours, theirs = (each.instant(query, at)["data"]["result"] for each in (embedded, real))
        assert [each["value"] for each in ours] == [each["value"] for each in theirs], (query, at - NOON)
