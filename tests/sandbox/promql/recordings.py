"""Samples with everything that a mesh does to its counters: growth, restarts, births, deaths, gaps, and odd numbers."""

import math
import random

from delivery.sandbox.promql.labels import Labels, labels_of
from tests.sandbox.promql.conftest import Recording
from tests.sandbox.promql.remote_write import Sample

NOON = 1772366400000
SCRAPE = 15_000


def scrapes(first: int, last: int, *, late: int = 0) -> range:
    """The times of scrapes, in seconds relative to noon."""
    return range(NOON + first * 1000 + late, NOON + last * 1000 + late + 1, SCRAPE)


def growing(times: range, by: float, *, start: float = 0.0, reset_each: int = 0) -> list[Sample]:
    """A counter that grows evenly and may begin anew after so many scrapes."""
    return [(at, start + by * (index % reset_each if reset_each else index)) for index, at in enumerate(times)]


def requests() -> Recording:
    """Counters of pods: quiet, busy, restarting, new, ended by a marker, silent for a while, and back after an end."""

    def labels(pod: str, code: str = "200", **more: str) -> Labels:
        return labels_of("req", {"pod": pod, "code": code, **more})

    hour = scrapes(-3600, 0)
    return {
        labels("quiet"): growing(hour, 0, start=7),
        labels("busy"): growing(hour, 37.5, start=100),
        labels("busy", "500"): growing(hour, 1, start=3),
        labels("jitter"): [(at + (index * 7919) % 900, index * 3.0) for index, at in enumerate(hour)],
        labels("restarts", "200", zone="a"): growing(hour, 11, reset_each=13),
        labels("restarts", "503", zone="b"): growing(hour, 2, reset_each=3),
        labels("new"): growing(scrapes(-100, 0, late=777), 5, start=5),
        labels("new", "500"): growing(scrapes(-10, 0), 1, start=1),
        labels("ended"): [*growing(scrapes(-600, -120), 4), (NOON - 105_000, None)],
        labels("silent"): growing(scrapes(-3600, -500), 9),
        labels("gap"): [*growing(scrapes(-900, -400), 2), *growing(scrapes(-150, 0), 2, start=500)],
        labels("back"): [
            *growing(scrapes(-900, -400), 2),
            (NOON - 380_000, None),
            *growing(scrapes(-200, -100), 3),
            (NOON - 90_000, None),
            *growing(scrapes(-40, 0), 1, start=2),
        ],
        labels("once"): [(NOON - 20_000, 42.0)],
    }


def histograms() -> Recording:
    """Buckets of pods: usual ones, one without +Inf, one with nothing else, one that is not cumulative, one empty."""
    found: dict[Labels, list[Sample]] = {}

    def buckets(pod: str, per_scrape: dict[str, float]) -> None:
        for bound, by in per_scrape.items():
            found[labels_of("lat_bucket", {"pod": pod, "le": bound})] = growing(scrapes(-600, 0), by)

    buckets("usual", {"5": 1, "10": 5, "25": 9, "50": 14, "100": 19, "+Inf": 20})
    buckets("slow", {"5": 0, "10": 0, "25": 1, "50": 1, "100": 2, "+Inf": 10})
    buckets("open", {"5": 1, "10": 5})
    buckets("bare", {"+Inf": 5})
    buckets("crooked", {"5": 4, "10": 3, "25": 6, "+Inf": 5})
    buckets("empty", {"5": 0, "10": 0, "+Inf": 0})
    buckets("negative", {"-5": 3, "0": 4, "5": 7, "+Inf": 9})
    buckets("odd", {"5": 3, "five": 4, "+Inf": 9})
    return found


def gauges() -> Recording:
    """Values of every kind that a double has, and what tells versions apart."""
    chance = random.Random("gauges")
    times = scrapes(-600, 0)
    walk = [(at, chance.gauss(0, 10)) for at in times]
    odd = [1.5, -2.25, math.nan, math.inf, -math.inf, 0.0, -0.0, 1e300, 1e-9, 123456789.0]
    return {
        labels_of("g", {"a": "1", "b": "x"}): walk,
        labels_of("g", {"a": "2", "b": "x"}): [(at, 2.5) for at in times],
        labels_of("g", {"a": "3", "b": "y"}): [(at, -value) for at, value in walk],
        labels_of("g", {"a": "4", "b": "y"}): [(at, math.nan) for at in times],
        labels_of("h", {"a": "1", "b": "x"}): [(at, 4.0) for at in times],
        labels_of("h", {"a": "2", "b": "x"}): [(at, 0.0) for at in times],
        labels_of("h", {"a": "3", "b": "z"}): [(at, -7.0) for at in times],
        labels_of("odd", {"n": "1"}): [(at, odd[index % len(odd)]) for index, at in enumerate(times)],
        labels_of("inf", {"n": "1"}): [(at, math.inf if index == 5 else 2.0) for index, at in enumerate(times)],
        labels_of("big", {"n": "1"}): [(at, 1e16 + index) for index, at in enumerate(times)],
        labels_of("pod_info", {"pod": "busy", "version": "v2"}): [(at, 1.0) for at in times],
        labels_of("pod_info", {"pod": "restarts", "version": "v1"}): [(at, 1.0) for at in times],
        labels_of("pod_info", {"pod": "quiet", "version": "v1"}): [(at, 1.0) for at in times],
        labels_of("text", {"value": 'a "quoted" \\ word'}): [(at, 1.0) for at in times],
        labels_of("text", {"value": "ünï"}): [(at, 2.0) for at in times],
        labels_of("text", {"value": "a.b"}): [(at, 3.0) for at in times],
        labels_of("text", {"value": "aXb", "UPPER": "1"}): [(at, 4.0) for at in times],
        labels_of("up", {"job": "mesh", "instance": "one"}): [(at, 1.0) for at in scrapes(-3600, 0)],
    }


def everything() -> Recording:
    return {**requests(), **histograms(), **gauges()}
