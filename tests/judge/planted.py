"""Releases of reviews in the sandbox's mesh, written down as Prometheus would have scraped them.

The mesh runs in virtual time. Two releases: a good one, and half an hour later one of whose answers every twentieth is
an error. Each goes through shares of 5, 10, 25 and 50 %, ten minutes each, unless somebody looks at it.
"""

from collections import defaultdict
from datetime import UTC, datetime

from tests.sandbox.mesh.things import Load, pod, route, see, shop, virtual_service

BEGIN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SCRAPE = 15
STEP = 600
SHARES = (5, 10, 25, 50)
GOOD_AT, BAD_AT, OVER_AT = 600, 600 + len(SHARES) * STEP + 1800, 600 + 2 * len(SHARES) * STEP + 1800 + 600
RARELY = "0.002"
FAULT = "0.05"

Rows = dict[str, list[str]]


def openmetrics(*, per_second: float = 50.0) -> str:
    """The text for `promtool tsdb create-blocks-from openmetrics`."""
    load = Load("shop", "reviews", per_second=per_second)
    primary = [pod(f"primary-{number}", app="reviews-primary", error_share=RARELY) for number in (1, 2)]
    mesh = shop(*primary, virtual_service(route(primary=100, canary=0)), loads=(load,))
    rows: Rows = defaultdict(list)
    for second in range(0, OVER_AT, SCRAPE):
        for begin, share in ((GOOD_AT, RARELY), (BAD_AT, FAULT)):
            if second == begin:
                see(mesh, pod(f"canary-{begin}", version="v2", error_share=share), at_once=True)
            for number, weight in enumerate((*SHARES, 0)):
                if second == begin + number * STEP:
                    see(mesh, virtual_service(route(primary=100 - weight, canary=weight)), at_once=True)
            if second == begin + len(SHARES) * STEP:
                see(mesh, pod(f"canary-{begin}", version="v2"), event="DELETED", at_once=True)
        mesh.advance(float(second))
        _scrape(mesh, BEGIN.timestamp() + second, rows)
    return "\n".join(line for lines in rows.values() for line in lines) + "\n# EOF\n"


def _scrape(mesh, at: float, rows: Rows) -> None:
    rows["up"].append(f'up{{job="pods"}} 1 {at}')
    for name, labels, value in mesh.samples():
        if ("reporter", "destination") not in labels or name.endswith(("_sum", "_count")):
            continue
        text = ",".join(f'{label}="{each}"' for label, each in labels)
        rows[name].append(f"{name}{{{text}}} {value} {at}")
