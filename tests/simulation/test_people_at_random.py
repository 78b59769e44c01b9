"""Stories drawn from seeds in which people are asked: words come early, late, twice and about something else."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from delivery.cluster.objects import DEPLOYMENTS, SERVICES
from tests.simulation.peopled import Peopled
from tests.simulation.runner import run_seeds

SEEDS = range(16)
SHARES = os.cpu_count() or 1


@pytest.mark.parametrize("kind", [DEPLOYMENTS, SERVICES], ids=str)
def test_whatever_people_say_no_guarantee_is_broken(kind, record_simulation):
    with ProcessPoolExecutor(max_workers=SHARES) as pool:
        told = [pool.submit(run_seeds, SEEDS[share::SHARES], kind, world=Peopled) for share in range(SHARES)]
        reports = [each.result() for each in told]
    failures = [failure for report in reports for failure in report.failures]
    record_simulation(f"{len(SEEDS) - len(failures)} of {len(SEEDS)} stories with people kept every guarantee ({kind})")
    assert not failures, f"{len(failures)} stories failed; the first:\n{failures[0]}"
