"""A root: the directory in which people who work together keep their runs."""

from __future__ import annotations

import json
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

from .errors import Invalid, NotFound

DIRECTORY = ".jupyter_tracker"
ENVIRONMENT = "JUPYTER_TRACKER_ROOT"
SERVER_ENVIRONMENT = "JUPYTER_TRACKER_SERVER_ROOT"
FORMAT = 1


@dataclass(frozen=True)
class Root:
    """The layout of one root on disk; see docs/journal-format.md.

    `why` says in words how this root was chosen. Directories are created with mode 0700 and
    files with 0600: a root holds source code and output.
    """

    path: Path
    root_id: str
    why: str = "given"

    @property
    def dir(self) -> Path:
        return self.path / DIRECTORY

    @property
    def runs(self) -> Path:
        return self.dir / "runs"

    @property
    def catalog(self) -> Path:
        return self.dir / "catalog"

    @property
    def active(self) -> Path:
        return self.dir / "active"

    @property
    def database(self) -> Path:
        return self.dir / "tracker.duckdb"

    @property
    def lock_file(self) -> Path:
        return self.dir / "tracker.lock"

    def artifacts(self, run_id: str) -> Path:
        """Return the local directory of a run's artifacts; it may not exist yet."""
        return self.runs / run_id / "artifacts"

    @classmethod
    def open(cls, path: str | os.PathLike[str], why: str = "given") -> Root:
        """Return the root at `path`; NotFound if there is none, Invalid if it is of a newer format."""
        place = _place(path)
        document = place / DIRECTORY / "root.json"
        try:
            content = json.loads(document.read_text(encoding="utf-8"))
            version, root_id = int(content["format"]), str(content["root_id"])
        except FileNotFoundError:
            raise NotFound(
                f"No tracker root at {place}", hint="Give a directory that holds .jupyter_tracker/."
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            hint = f'Restore it from a copy, or write {{"format": {FORMAT}, "root_id": "{uuid.uuid4().hex}"}} into it.'
            raise Invalid(f"{document} cannot be read: {error}", hint=hint) from error
        if version > FORMAT:
            raise Invalid(
                f"{place} was written by a newer jupyter_tracker",
                hint="pip install --upgrade jupyter-tracker",
            )
        return cls(place, root_id, why)

    @classmethod
    def create(cls, path: str | os.PathLike[str], why: str = "given") -> Root:
        """Return the root at `path`, made if needed; any number of processes may race here."""
        place = _place(path)
        home = place / DIRECTORY
        for directory in (home, home / "runs", home / "catalog", home / "active"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (home / "root.json").exists():
            _publish(home, {"format": FORMAT, "root_id": uuid.uuid4().hex})
        return cls.open(place, why)


def find(explicit: str | os.PathLike[str] | None = None, start: Path | None = None) -> Root:
    """Return the root in force, made if there is none yet.

    The first of: the argument, JUPYTER_TRACKER_ROOT, the nearest ancestor that holds
    `.jupyter_tracker/`, the Jupyter server's root, the git work tree, the current directory.
    """
    return Root.create(*choose(explicit, start))


def choose(
    explicit: str | os.PathLike[str] | None = None, start: Path | None = None
) -> tuple[str | os.PathLike[str], str]:
    """Return where `find` would have the root, and why, without making it."""
    start = start or Path.cwd()
    if explicit is not None:
        return explicit, "given"
    if named := os.environ.get(ENVIRONMENT):
        return named, f"named by {ENVIRONMENT}"
    if held := _ancestor(start, DIRECTORY):
        return held, f"found in {held}"
    if served := os.environ.get(SERVER_ENVIRONMENT):
        return served, "the Jupyter server's directory"
    if tree := _ancestor(start, ".git"):
        return tree, "the git work tree"
    return start, "the current directory"


def _ancestor(start: Path, name: str) -> Path | None:
    return next((place for place in (start, *start.parents) if (place / name).exists()), None)


def _place(path: str | os.PathLike[str]) -> Path:
    text = os.fspath(path)
    if "://" in text or text.startswith(("sqlite:", "postgresql:", "databricks")):
        raise Invalid(
            f"{text!r} is not a directory",
            hint="A root is a local or shared directory. To read an MLflow store, import it into a root.",
        )
    place = Path(text).expanduser().resolve()
    return place.parent if place.name == DIRECTORY else place


def _publish(home: Path, document: dict[str, object]) -> None:
    """Put root.json in place whole or not at all; who comes second keeps the first one's."""
    temporary = home / f"root.json.{secrets.token_hex(4)}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, home / "root.json")
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
