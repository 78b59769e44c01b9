"""Random numbers for counts, the same for the same seed on any machine and with any number of processes.

The standard library has no draw of a Poisson or (before 3.12) a binomial number. Small means are drawn by walking
through the distribution, large ones by Hörmann's transformed rejection (W. Hörmann, "The generation of binomial random
variates", 1993, algorithm BTRS, and "The transformed rejection method for generating Poisson random variables", 1993,
algorithm PTRS), which take a few hundred nanoseconds to microseconds whatever the mean.
"""

import math
import random
from collections.abc import Sequence

_SMALL = 10.0
"""Means below it are walked through: the rejection methods need at least so much."""


class Draws(random.Random):
    """A stream of random numbers. `seed` may be a text."""

    def poisson(self, mean: float) -> int:
        """A Poisson number with this mean, at least 0."""
        if mean <= 0:
            return 0
        if mean >= _SMALL:
            return self._poisson_rejected(mean)
        chance = math.exp(-mean)
        left, count = self.random(), 0
        while left > chance and count < 200:
            left -= chance
            count += 1
            chance *= mean / count
        return count

    def _poisson_rejected(self, mean: float) -> int:
        slope = 0.931 + 2.53 * math.sqrt(mean)
        a, log_mean = -0.059 + 0.02483 * slope, math.log(mean)
        inverse, fits = 1.1239 + 1.1328 / (slope - 3.4), 0.9277 - 3.6224 / (slope - 2)
        while True:
            u, v = self.random() - 0.5, self.random()
            us = 0.5 - abs(u)
            if us <= 0:
                continue
            count = math.floor((2 * a / us + slope) * u + mean + 0.43)
            if us >= 0.07 and v <= fits:
                return count
            if count < 0 or (us < 0.013 and v > us):
                continue
            bound = count * log_mean - mean - math.lgamma(count + 1)
            if math.log(v * inverse / (a / (us * us) + slope)) <= bound:
                return count

    def binomial(self, number: int, share: float) -> int:
        """How many of `number` have something that each has with probability `share`, 0..1."""
        if number <= 0 or share <= 0:
            return 0
        if share > 0.5:
            return number - self.binomial(number, 1 - share)
        if number * share >= _SMALL:
            return self._binomial_rejected(number, share)
        chance, odds = (1 - share) ** number, share / (1 - share)
        left, count = self.random(), 0
        while left > chance and count < number:
            left -= chance
            chance *= odds * (number - count) / (count + 1)
            count += 1
        return count

    def _binomial_rejected(self, number: int, share: float) -> int:
        spread = math.sqrt(number * share * (1 - share))
        slope = 1.15 + 2.53 * spread
        a, centre = -0.0873 + 0.0248 * slope + 0.01 * share, number * share + 0.5
        fits, alpha = 0.92 - 4.2 / slope, (2.83 + 5.1 / slope) * spread
        mode = math.floor((number + 1) * share)
        log_odds = math.log(share / (1 - share))
        top = math.lgamma(mode + 1) + math.lgamma(number - mode + 1)
        while True:
            u, v = self.random() - 0.5, self.random()
            us = 0.5 - abs(u)
            if us <= 0:
                continue
            count = math.floor((2 * a / us + slope) * u + centre)
            if us >= 0.07 and v <= fits:
                return count
            if not 0 <= count <= number or v <= 0:
                continue
            bound = top - math.lgamma(count + 1) - math.lgamma(number - count + 1) + (count - mode) * log_odds
            if math.log(v * alpha / (a / (us * us) + slope)) <= bound:
                return count

    def spread(self, number: int, shares: Sequence[float]) -> list[int]:
        """How `number` falls into classes with these probabilities, which add up to 1."""
        counts, left = [0] * len(shares), 1.0
        for index, share in enumerate(shares):
            if number <= 0:
                break
            drawn = number if share >= left else self.binomial(number, share / left)
            counts[index] = drawn
            number -= drawn
            left -= share
        counts[-1] += max(0, number)
        return counts

    def rate(self, mean: float, correlation: float) -> float:
        """A share from the beta distribution with this mean and intra-class correlation, both 0..1."""
        if correlation <= 0 or not 0 < mean < 1:
            return mean
        together = (1 - correlation) / correlation
        return self.betavariate(mean * together, (1 - mean) * together)
