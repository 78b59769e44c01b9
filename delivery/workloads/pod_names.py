"""How the pods of a workload are called, for those who know pods by their names only.

The endings come from the API server (five characters) and from a Deployment's controller (a number written in the same
characters), which leave out vowels and what looks like them (Kubernetes, apimachinery/pkg/util/rand). So no name that
people choose for a neighbour, such as reviews-primary, is taken for one of them.
"""

import re

from delivery.cluster.objects import DAEMON_SETS

_ENDING = "[bcdfghjklmnpqrstvwxz2456789]"
_BASE_MAX = 58
"""Characters of a generated name that are kept before its ending: 63 of a DNS label without 5."""
_HASH_MAX = 10


def pods_of(kind: str, workload: str) -> str:
    """A regular expression (RE2) for the whole names of the pods of a Deployment or DaemonSet (`kind`).

    "" when the workload's name is so long that the API server may cut it.
    """
    own = "".join(each if each.isalnum() or each == "-" else re.escape(each) for each in workload)
    base, hashed = f"{workload}-", kind != DAEMON_SETS.kind
    if len(base) + (_HASH_MAX + 1 if hashed else 0) > _BASE_MAX:
        return ""
    return f"{own}-{_ENDING}{{5,{_HASH_MAX}}}-{_ENDING}{{5}}" if hashed else f"{own}-{_ENDING}{{5}}"
