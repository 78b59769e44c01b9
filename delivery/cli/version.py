"""`delivery version`: which program this is."""

import click

import delivery


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"delivery {delivery.__version__}")
