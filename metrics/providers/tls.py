"""How the certificate of a service is checked."""

import ssl

from metrics.source import Source


def tls(source: Source) -> ssl.SSLContext | None:
    """How certificates are checked if not as usual. Raises ValueError when `ca` holds no certificate."""
    if not source.verify:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not source.ca:
        return None
    try:
        return ssl.create_default_context(cadata=source.ca)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"caRef holds no certificate in PEM ({type(error).__name__})") from None
