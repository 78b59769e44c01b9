"""Quantities (`500m`, `1.5Gi`) in the one form in which API servers store them."""

import re
from fractions import Fraction

_FORM = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,3})?")
_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def canonical(quantity: str) -> str:
    """The canonical form: no fraction, the largest unit of its family that allows it. ValueError if it is no quantity.

    Finer than a billionth is rounded up, as in Kubernetes' apimachinery (api/resource).
    """
    negative, digits, suffix = _parts(quantity)
    sign = "-" if negative and digits else ""
    value = abs(amount(quantity))
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return sign + _exponent(value)
    binary = suffix in _BINARY[1:] and value >= 1024 and value.denominator == 1
    return sign + (_binary(value) if binary else _decimal(value))


def amount(quantity: str) -> Fraction:
    """The quantity as a number. ValueError if it is none."""
    negative, digits, suffix = _parts(quantity)
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        value = digits * Fraction(10) ** int(suffix[1:])
    elif suffix in _BINARY[1:]:
        value = digits * 1024 ** _BINARY.index(suffix)
    else:
        value = digits * Fraction(1000) ** (_DECIMAL.index(suffix) - 3)
    return -value if negative else value


def _parts(quantity: str) -> tuple[bool, Fraction, str]:
    match = _FORM.fullmatch(quantity)
    if match is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    digits = match[2].rstrip(".") if match[2] != "." else "0"
    return match[1] == "-", Fraction(digits), match[3] or ""


def _decimal(value: Fraction) -> str:
    billionths = -(-value * 10**9 // 1)
    place = 0
    while billionths and billionths % 1000 == 0 and place < len(_DECIMAL) - 1:
        billionths //= 1000
        place += 1
    return f"{billionths}{_DECIMAL[place]}" if billionths else "0"


def _binary(value: Fraction) -> str:
    whole, place = int(value), 0
    while whole % 1024 == 0 and place < len(_BINARY) - 1:
        whole //= 1024
        place += 1
    return f"{whole}{_BINARY[place]}"


def _exponent(value: Fraction) -> str:
    power = 0
    while value and value % 1000 == 0:
        value, power = value / 1000, power + 3
    while value.denominator != 1 and power > -9:
        value, power = value * 1000, power - 3
    return f"{-(-value // 1)}{f'e{power}' if power else ''}"
