"""The kubeconfig of a sandbox as a file: private, never somebody else's, and gone with the sandbox."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from delivery.sandbox.server.kubeconfigs import NAME, kubeconfig
from delivery.sandbox.settings import SettingsError


@contextmanager
def written(path: Path, url: str) -> Iterator[Path]:
    """The file at `path`, readable by its owner alone, while the block lasts.

    SettingsError if there is one already that is no sandbox's, or if it cannot be written.
    """
    _check(path)
    temporary = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(kubeconfig(url))
        os.replace(temporary, path)
    except OSError as error:
        raise SettingsError("--kubeconfig", str(path), f"a file that can be written ({error.strerror})") from error
    try:
        yield path
    finally:
        if is_ours(path, url):
            path.unlink(missing_ok=True)


def is_ours(path: Path, url: str = "") -> bool:
    """Is this the kubeconfig of a sandbox (of the one at `url`)?"""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        clusters = {each["name"]: each["cluster"]["server"] for each in config["clusters"]}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return False
    return set(clusters) == {NAME} and url in ("", clusters[NAME])


def _check(path: Path) -> None:
    if path.exists() and not is_ours(path):
        raise SettingsError("--kubeconfig", str(path), "a new file, or the kubeconfig of an earlier sandbox")
