"""`delivery crds`: the CRDs that belong to this very program."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write one file per kind into this directory instead of printing.",
)
def crds(output: Path | None) -> None:
    """Print the CustomResourceDefinitions, or write them to files."""
    from delivery.api import crd

    contents = crd.files()
    if output is None:
        click.echo("---\n".join(contents.values()), nl=False)
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            (output / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write to {output}: {error.strerror or error}") from error
