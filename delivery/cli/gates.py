"""`delivery gates`: gates over HTTP that are opened and closed by hand or by a pipeline."""

import sys
from pathlib import Path

import click


@click.command("gates")
@click.option(
    "--listen", default="0.0.0.0:8080", show_default=True, envvar="DELIVERY_LISTEN", show_envvar=True, help="HOST:PORT."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    envvar="DELIVERY_GATES_STATE",
    show_envvar=True,
    help="File that remembers which gates are open; it is made if it is not there.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="DELIVERY_GATES_TOKEN_FILE",
    show_envvar=True,
    help="File with the token that lets callers in. Else it is taken from DELIVERY_GATES_TOKEN.",
)
@click.option("--free-checks", is_flag=True, help="Let anybody ask whether a gate is open: Flagger sends no token.")
@click.option("--log-format", type=click.Choice(["json", "console"]), default="json", show_default=True)
def gates(listen: str, state: Path, token_file: Path | None, free_checks: bool, log_format: str) -> None:
    """Serve /gate/open, close, check, approve, halt and /rollback/open, close, check, as Flagger's load tester does.

    Bodies are {"name": ..., "namespace": ...}; check answers 200 or 403. Ends with 0 on SIGTERM or SIGINT, with 2 when
    an option cannot be used.
    """
    import os

    from delivery.controller.process import run_process
    from delivery.controller.settings import SettingsError, host_and_port
    from delivery.gates.ledger import Ledger, LedgerError
    from delivery.gates.server import GateServer, Token
    from delivery.observability import logs

    token = Token(text=os.environ.get("DELIVERY_GATES_TOKEN", "").strip(), file=token_file)
    if token_file is None and not token.text:
        raise click.UsageError("--token-file, or DELIVERY_GATES_TOKEN: given neither, allowed a token of your choice")
    try:
        host, port = host_and_port(listen)
        ledger = Ledger(state)
    except (SettingsError, LedgerError) as error:
        raise click.UsageError(str(error)) from error

    async def serve() -> None:
        import asyncio

        async with GateServer(ledger, token, host=host, port=port, free_checks=free_checks):
            await asyncio.Event().wait()

    logs.configure(level="info", fmt=log_format)
    sys.exit(run_process(serve))
