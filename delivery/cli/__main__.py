"""`python -m delivery.cli`: the same program where no entry point is installed."""

from delivery.cli import main

main(prog_name="delivery")
