"""Who is asked instead of the Canary's Prometheus: a service, its address, and all it takes to be let in."""

from dataclasses import dataclass, field

PROMETHEUS = "prometheus"
DATADOG = "datadog"
CLOUDWATCH = "cloudwatch"
WEB = "web"

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One service. Two of the same value share connections and a circuit breaker.

    `credentials` are names and values of a Secret, `headers` of HTTP, both never shown. `ca` is what certificates are
    checked against, as PEM; "" is the machine's usual authorities. `verify`: certificates are checked at all.
    `method` (GET or POST) and `json_path` are a web service's.
    """

    type: str = PROMETHEUS
    address: str = ""
    region: str = ""
    headers: Pairs = field(default=(), repr=False)
    credentials: Pairs = field(default=(), repr=False)
    ca: str = field(default="", repr=False)
    verify: bool = True
    method: str = "GET"
    json_path: str = ""

    def secret(self, *names: str) -> str:
        """The first of these credentials that there is, blanks around it aside; "" if there is none."""
        known = dict(self.credentials)
        return next((known[name].strip() for name in names if known.get(name, "").strip()), "")

    @property
    def authorization(self) -> str:
        """The Authorization header for the credentials `token`, or `username` and `password`; "" without any.

        Raises ValueError where one is missing or both kinds are there.
        """
        from base64 import b64encode

        token, user, password = self.secret("token"), self.secret("username"), self.secret("password")
        if token and (user or password):
            raise ValueError("the Secret has token beside username or password; keep one of them")
        if bool(user) != bool(password):
            raise ValueError(f"the Secret has no {'password' if user else 'username'}, which goes with the other")
        if self.credentials and not token and not user:
            raise ValueError("the Secret has neither token nor username and password")
        if token:
            return f"Bearer {token}"
        return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""
