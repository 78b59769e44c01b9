"""How to log in to the API server, for the one who brings a connection of their own (kopf).

Taken from the same place and in the same order as our own connection, so that both always speak as the same user to
the same server.
"""

from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client

from delivery.cluster.kubernetes.connection import is_loopback, load_configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A server and what proves who we are. Files are PEM; `scheme` and `token` make the Authorization header.

    `trust_env` is False when the proxy settings of the environment are not meant for this server.
    """

    server: str
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    scheme: str | None = None
    token: str | None = None
    insecure: bool = False
    proxy: str | None = None
    trust_env: bool = True


async def read_credentials(kubeconfig: str | None = None, *, context: str | None = None) -> Credentials:
    """The credentials as they are now: token files and plugins are read anew with each call.

    None: as the Pod that we run in, else the user's default kubeconfig. ValueError if that is missing or wrong.
    """
    configuration: Any = client.Configuration()
    await load_configuration(configuration, kubeconfig, context)
    scheme, token = _bearer(await configuration.get_api_key_with_prefix("BearerToken"))
    return Credentials(
        server=configuration.host,
        ca_file=configuration.ssl_ca_cert,
        certificate_file=configuration.cert_file,
        key_file=configuration.key_file,
        scheme=scheme,
        token=token,
        insecure=not configuration.verify_ssl,
        proxy=configuration.proxy,
        trust_env=not is_loopback(configuration.host),
    )


def _bearer(header: str | None) -> tuple[str | None, str | None]:
    """Scheme and token of an Authorization header; a Pod's is written "bearer", which some proxies refuse."""
    if not header:
        return None, None
    scheme, _, token = header.strip().rpartition(" ")
    return (scheme or "Bearer").capitalize(), token
