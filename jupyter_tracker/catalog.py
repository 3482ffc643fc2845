"""The catalog: what belongs to no run (experiments, the registry) as a numbered log of commits.

A commit is one file, published by `os.link`: the file system decides who gets a number. Who
loses reads what came in between, checks again and tries the next. State is the fold of the log.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from zlib import crc32

from .entities import Commit, Experiment
from .errors import Conflict, Corrupt, Invalid, NotFound
from .events import TAIL, check, now
from .process import host
from .roots import Root

NAME_LIMIT = 500


@dataclass
class State:
    """What the catalog says at commit number `head`."""

    head: int = 0
    experiments: dict[str, Experiment] = field(default_factory=dict)

    def named(self, name: str, *, deleted: bool = False) -> Experiment | None:
        """Return the experiment of that name among the active or the deleted ones."""
        found = (e for e in self.experiments.values() if e.name == name and e.deleted is deleted)
        return next(found, None)

    def apply(self, commit: Commit) -> None:
        """Take one more commit in. Kinds of a newer release are passed over; they stay in the log."""
        self.head = commit.n
        change = _CHANGES.get(commit.kind)
        if change is not None:
            change(self, commit)


class Catalog:
    """Reads and extends the catalog of one root. Holds what it has read; `read` takes in what is new."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._state = State()

    def read(self) -> State:
        """Return the state at the newest commit."""
        for commit in self.commits(self._state.head):
            self._state.apply(commit)
        return self._state

    def commits(self, after: int = 0) -> Iterator[Commit]:
        """Yield the commits with numbers greater than `after`, in order, up to the newest."""
        n = after + 1
        while (text := _bytes(self._file(n))) is not None:
            yield _decode(text, n)
            n += 1

    def publish(self, kind: str, fields: Mapping[str, object], check: Callable[[State], None]) -> Commit:
        """Add one commit, durable when this returns.

        `check` is called with the state that the commit would follow and raises to refuse;
        it may be called several times while others publish too.
        """
        while True:
            state = self.read()
            check(state)
            commit = Commit(state.head + 1, now(), author(), host(), kind, dict(fields))
            if self._link(commit):
                return commit

    def experiment(self, name_or_id: str) -> Experiment:
        """Return the active experiment of that name or id; NotFound says which names come near."""
        state = self.read()
        found = state.named(name_or_id) or state.experiments.get(name_or_id)
        if found is None:
            names = ", ".join(sorted(e.name for e in state.experiments.values() if not e.deleted)[:10])
            raise NotFound(
                f"No experiment {name_or_id!r}", hint=f"There are: {names}" if names else "There is none yet."
            )
        return found

    def ensure_experiment(self, name: str) -> Experiment:
        """Return the active experiment of that name, created if there is none."""
        name = canonical(name)
        found = self.read().named(name)
        if found is not None:
            return found
        try:
            return self.create_experiment(name)
        except Conflict:
            found = self.read().named(name)
            if found is None:
                raise
            return found

    def create_experiment(
        self,
        name: str,
        tags: Mapping[str, str] | None = None,
        note: str = "",
        artifact_root: str | None = None,
    ) -> Experiment:
        """Create an experiment; Conflict if an active one has the name. The trash never blocks a name."""
        name = canonical(name)
        fields = {
            "experiment_id": uuid.uuid4().hex,
            "name": name,
            "tags": dict(tags or {}),
            "note": note,
            "artifact_root": artifact_root,
        }
        commit = self.publish("experiment.create", fields, lambda state: _free(state, name))
        return self.read().experiments[str(commit.fields["experiment_id"])]

    def rename_experiment(self, name_or_id: str, name: str) -> None:
        """Give an experiment another name; Conflict if that is in use."""
        name, found = canonical(name), self.experiment(name_or_id)

        def check(state: State) -> None:
            _present(state, found.experiment_id, deleted=False)
            if state.experiments[found.experiment_id].name != name:
                _free(state, name)

        self.publish("experiment.rename", {"experiment_id": found.experiment_id, "name": name}, check)

    def delete_experiment(self, name_or_id: str) -> None:
        """Put an experiment and its runs into the trash, from where `restore_experiment` brings them back."""
        found = self.experiment(name_or_id)
        fields = {"experiment_id": found.experiment_id}
        self.publish(
            "experiment.delete", fields, lambda state: _present(state, found.experiment_id, deleted=False)
        )

    def restore_experiment(self, name_or_id: str) -> None:
        """Bring a deleted experiment back; Conflict if its name is in use by now."""
        state = self.read()
        found = state.named(name_or_id, deleted=True) or state.experiments.get(name_or_id)
        if found is None:
            raise NotFound(f"No deleted experiment {name_or_id!r}")

        def check(state: State) -> None:
            _present(state, found.experiment_id, deleted=True)
            if state.named(found.name):
                raise Conflict(f"An experiment {found.name!r} is active", hint="Rename that one first.")

        self.publish("experiment.restore", {"experiment_id": found.experiment_id}, check)

    def purge_experiment(self, experiment_id: str) -> None:
        """Forget a deleted experiment for good; its name is free again."""
        fields = {"experiment_id": experiment_id}
        self.publish("experiment.purge", fields, lambda state: _present(state, experiment_id, deleted=True))

    def tag_experiment(self, name_or_id: str, key: str, value: str | None) -> None:
        """Set a tag of an experiment, or remove it with None."""
        found = self.experiment(name_or_id)
        fields = {"experiment_id": found.experiment_id, "key": key, "value": value}
        self.publish("experiment.tag", fields, lambda state: _present(state, found.experiment_id))

    def note_experiment(self, name_or_id: str, text: str) -> None:
        """Set the note (markdown) of an experiment."""
        found = self.experiment(name_or_id)
        fields = {"experiment_id": found.experiment_id, "text": text}
        self.publish("experiment.note", fields, lambda state: _present(state, found.experiment_id))

    def _file(self, n: int) -> Path:
        return self.root.catalog / f"{n:08d}.json"

    def _link(self, commit: Commit) -> bool:
        """Publish a commit under its number; False if somebody else was first."""
        self.root.catalog.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.root.catalog / f"{commit.n:08d}.{secrets.token_hex(4)}.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(_encode(commit))
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, self._file(commit.n))
            _sync_directory(self.root.catalog)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        return True


def canonical(name: object) -> str:
    """Return an experiment's name in its one spelling (NFC, no outer blanks); Invalid if it cannot be a name."""
    if not isinstance(name, str) or not name.strip():
        raise Invalid(
            f"An experiment needs a name, not {name!r}", hint='For example jt.set_experiment("churn").'
        )
    text = unicodedata.normalize("NFC", name).strip()
    if len(text) > NAME_LIMIT or not text.isprintable():
        raise Invalid(
            f"{text[:40]!r}… cannot name an experiment", hint=f"Use up to {NAME_LIMIT} printable characters."
        )
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise Invalid(
            f"{text!r} is no experiment path", hint="Write it as folder/name, without empty or dotted parts."
        )
    return text


@lru_cache(maxsize=1)
def author() -> str:
    """Return the name of the user who runs this process."""
    for variable in ("JUPYTER_TRACKER_USER", "JUPYTERHUB_USER"):
        if name := os.environ.get(variable):
            return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _encode(commit: Commit) -> bytes:
    document = {name: getattr(commit, name) for name in ("n", "time", "user", "host", "kind", "fields")}
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode("ascii")[:-1]
    return b'%b,"crc":"%08x"}\n' % (text, crc32(text))


def _decode(text: bytes, n: int) -> Commit:
    if len(text) < TAIL or not check(text):
        raise Corrupt(
            f"Catalog commit {n} is damaged",
            hint="Restore catalog/ from a copy, or run: jupyter tracker doctor",
        )
    document = json.loads(text)
    return Commit(
        n, document["time"], document["user"], document["host"], document["kind"], document["fields"]
    )


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _free(state: State, name: str) -> None:
    if state.named(name):
        raise Conflict(f"An experiment {name!r} exists", hint="Choose another name, or use it as it is.")


def _present(state: State, experiment_id: str, deleted: bool | None = None) -> None:
    found = state.experiments.get(experiment_id)
    if found is None:
        raise NotFound(f"No experiment {experiment_id}")
    if deleted is not None and found.deleted is not deleted:
        raise Conflict(f"Experiment {found.name!r} is {'deleted' if found.deleted else 'active'} already")


def _create(state: State, commit: Commit) -> None:
    f = commit.fields
    tags, artifact_root = f.get("tags"), f.get("artifact_root")
    state.experiments[str(f["experiment_id"])] = Experiment(
        str(f["experiment_id"]),
        str(f["name"]),
        commit.time,
        str(f.get("note") or ""),
        dict(tags) if isinstance(tags, dict) else {},
        str(artifact_root) if artifact_root else None,
    )


def _purge(state: State, commit: Commit) -> None:
    state.experiments.pop(str(commit.fields["experiment_id"]), None)


def _tag(found: Experiment, fields: Mapping[str, object]) -> Experiment:
    tags = {key: value for key, value in found.tags.items() if key != fields["key"]}
    if fields["value"] is not None:
        tags[str(fields["key"])] = str(fields["value"])
    return replace(found, tags=tags)


def _edit(
    change: Callable[[Experiment, Mapping[str, object]], Experiment],
) -> Callable[[State, Commit], None]:
    def apply(state: State, commit: Commit) -> None:
        found = state.experiments.get(str(commit.fields["experiment_id"]))
        if found is not None:
            state.experiments[found.experiment_id] = change(found, commit.fields)

    return apply


_CHANGES: dict[str, Callable[[State, Commit], None]] = {
    "experiment.create": _create,
    "experiment.purge": _purge,
    "experiment.rename": _edit(lambda found, fields: replace(found, name=str(fields["name"]))),
    "experiment.delete": _edit(lambda found, _: replace(found, deleted=True)),
    "experiment.restore": _edit(lambda found, _: replace(found, deleted=False)),
    "experiment.tag": _edit(_tag),
    "experiment.note": _edit(lambda found, fields: replace(found, note=str(fields["text"]))),
}
