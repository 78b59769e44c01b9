"""When nobody is sent to the canary any more, so that its Service may lead elsewhere.

Routes that give it nothing are known to every proxy only settleSeconds after they were written. When that was, the API
server has noted on them; so a restarted controller knows it too.
"""

from datetime import datetime
from math import inf

from delivery.controller.picture import Picture
from delivery.workloads.service_copies import last_written

_ROUNDED_SECONDS = 1.0
"""The API's times are whole seconds, rounded down."""


def unrouted_in(picture: Picture, *, now: datetime, settle: float) -> float:
    """In how many seconds that is: 0 when it is so already, infinite while the routes give it anything."""
    view = picture.router.read(picture.names, picture.route, picture.mesh)
    if view.canary_weight or view.everybody_weight or view.mirror or view.testers:
        return inf
    routes = (picture.mesh.get(ref) for ref in picture.route_refs)
    written = max((at for body in routes if body is not None and (at := last_written(body))), default=None)
    if written is None:
        return 0.0
    return max(0.0, settle + _ROUNDED_SECONDS - (now - written).total_seconds())
