"""What to say when a command needs the extra `sandbox` and it is not installed."""

import click

EXTRA = {"promql_parser", "rich"}
"""What the extra installs besides the controller's own dependencies."""


def without_extra(error: ModuleNotFoundError) -> Exception:
    """What to raise instead of `error`: the way out if the extra has the module, else the error itself."""
    if error.name not in EXTRA:
        return error
    return click.ClickException(
        f"the package {error.name} is missing, which this command needs; "
        "install it by: pip install 'progressive-delivery[sandbox]'"
    )
