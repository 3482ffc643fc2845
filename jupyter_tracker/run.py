"""A run: one attempt, written down as it happens.

Everything here is fire and forget: a call returns when its event is accepted (see `journal`),
no call waits for a database or a network, and no disk trouble ever reaches the caller. Wrong
use (a metric that is no number, a path that leads out of the run) raises `Invalid` at once.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from . import artifacts, tables
from .catalog import Catalog, author
from .entities import OUTCOMES, Experiment
from .errors import Invalid, NotFound, TrackerError
from .events import clean, key
from .ids import check_run_id, new_name, new_run_id
from .journal import Journal, read
from .process import host
from .roots import Root
from .values import key_name, metric_number, param, tag

_log = logging.getLogger("jupyter_tracker")
Outcome = Literal["finished", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The identity of a run under MLflow's names."""

    run_id: str
    run_name: str
    experiment_id: str
    status: str
    artifact_uri: str


class Run:
    """Made by `Run.start`, `Run.resume` or `Run.annotate`; usually through `jupyter_tracker.start_run`.

    Safe to use from any thread, and after a fork or from a spawned process (a `Run` can be
    pickled): each process then has a journal of its own, and only the process that started the
    run ends it.
    """

    def __init__(
        self, root: Root, run_id: str, experiment: Experiment | None, name: str, *, owner: bool
    ) -> None:
        self.root = root
        self.run_id = run_id
        self.name = name
        self.experiment = experiment
        self.outcome: Outcome | None = None
        self.parent_run_id: str | None = None
        self.entered = False
        self._journal = Journal(root, run_id)
        self._owner_pid = os.getpid() if owner else 0
        self._steps: dict[str, int] = {}
        self._quoted: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self.params: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self._lock = threading.RLock()
        self._began = time.monotonic()
        self._closing: list[Callable[[], None]] = []
        self._last: Callable[[Callable[[], None]], None] | None = None

    @classmethod
    def start(
        cls,
        root: Root,
        experiment: Experiment,
        name: str | None = None,
        *,
        parent: str | None = None,
        source_type: str = "script",
        lineage: str | None = None,
        run_id: str | None = None,
    ) -> Run:
        """Begin a new run in `experiment`. `lineage` identifies the cell that the run is an attempt of."""
        run = cls(root, run_id or new_run_id(), experiment, name or new_name(), owner=True)
        run.parent_run_id = parent
        run._write_start(source_type, lineage, resumed=False)
        return run

    @classmethod
    def resume(cls, root: Root, run_id: str, *, source_type: str = "script") -> Run:
        """Go on with a run: automatic steps continue, its outcome is open again."""
        run = cls._known(root, run_id, owner=True)
        run._write_start(source_type, None, resumed=True)
        return run

    @classmethod
    def annotate(cls, root: Root, run_id: str) -> Run:
        """Open a run to add to it without touching its fate."""
        return cls._known(root, run_id, owner=False)

    @classmethod
    def _known(cls, root: Root, run_id: str, *, owner: bool) -> Run:
        first: dict[str, Any] | None = None
        steps: dict[str, int] = {}
        for event in read(root, check_run_id(run_id)):
            if event.kind == "start" and not event.fields.get("resumed"):
                first = event.fields
            elif event.kind == "metrics":
                steps.update(
                    {
                        name: max(steps.get(name, 0), event.fields["step"] + 1)
                        for name in event.fields["values"]
                    }
                )
        if first is None:
            raise NotFound(
                f"No run {run_id} in {root.path}", hint="`jupyter tracker ls` lists the runs of this root."
            )
        experiment = Catalog(root).read().experiments.get(first["experiment_id"])
        run = cls(root, run_id, experiment, first["name"], owner=owner)
        run.parent_run_id, run._steps = first.get("parent"), steps
        return run

    def _write_start(self, source_type: str, lineage: str | None, *, resumed: bool) -> None:
        start = {
            "experiment_id": self.experiment_id,
            "name": clean(self.name),
            "parent": self.parent_run_id,
            "user": author(),
            "host": host(),
            "source_type": source_type,
            "lineage": lineage,
            "resumed": resumed,
        }
        self._journal.append("start", start)

    @property
    def experiment_id(self) -> str:
        """The id of the experiment the run belongs to; "" if it could not be found out."""
        return self.experiment.experiment_id if self.experiment else ""

    @property
    def experiment_name(self) -> str:
        """The name of the experiment as it was when the run began; "" if it could not be found out."""
        return self.experiment.name if self.experiment else ""

    @property
    def ended(self) -> bool:
        """Whether `end` was called here."""
        return self.outcome is not None

    @property
    def metrics(self) -> dict[str, float]:
        """The newest value of each metric that this process logged."""
        return {json.loads(name): float(text.strip('"')) for name, text in list(self._numbers.items())}

    @property
    def unsaved(self) -> int:
        """Events that could not be written so far, waiting or given up; 0 when all is well."""
        return self._journal.unsaved + self._journal.dropped

    def log(self, metrics: Mapping[str, Any] | None = None, step: int | None = None, **values: Any) -> None:
        """Log metrics as `run.log(loss=0.3, acc=0.9)`. Without `step` they count on from the last one."""
        self.log_metrics({**(metrics or {}), **values}, step)

    def log_metric(self, key: str, value: Any, step: int | None = None, timestamp: int | None = None) -> None:
        """Log one metric; `timestamp` is in milliseconds since 1970, as in MLflow, now by default."""
        self.log_metrics({key: value}, step, timestamp)

    def log_metrics(
        self, metrics: Mapping[str, Any], step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Log several metrics at one step, as one event: a reader sees all of them or none."""
        quoted, numbers = self._quoted, {}
        for name, value in metrics.items():
            numbers[quoted.get(name) or self._quote(name)] = metric_number(name, value)
        if numbers:
            self._numbers.update(numbers)
            at = None if timestamp is None else int(timestamp * 1000)
            self._journal.append_metrics(self._next_step(metrics, step), numbers, at)

    def _quote(self, name: object) -> str:
        text = key_name(name, "metric")
        return self._quoted.setdefault(text, key(text))

    def _next_step(self, names: Iterable[str], step: int | None) -> int:
        steps = self._steps
        with self._lock:
            if step is None:
                step = 0
                for name in names:
                    step = max(step, steps.get(name, 0))
            elif type(step) is not int:
                step = _whole(step)
            for name in names:
                if steps.get(name, 0) <= step:
                    steps[name] = step + 1
        return step

    def log_param(self, key: str, value: Any, origin: str | None = None) -> Any:
        """Log one param with its type. Logging it again keeps both; the newest counts. Returns `value`."""
        self.log_params({key: value}, origin)
        return value

    def log_params(self, params: Mapping[str, Any], origin: str | None = None) -> None:
        """Log params; `origin` says where they come from when that is not the run's own code."""
        from .capture.secrets import masker

        values: dict[str, Any] = {}
        types: dict[str, str] = {}
        for name, value in params.items():
            text = key_name(name, "param")
            shown, kind = param(value)
            values[text], _ = masker().mask_item(text, shown)
            if kind is not None:
                types[text] = kind
        if values:
            self.params.update(values)
            self._remember_origin(values, origin)
            fields: dict[str, Any] = {"values": values}
            fields |= {"types": types} if types else {}
            fields |= {"origin": dict.fromkeys(values, origin)} if origin else {}
            self._journal.append("params", fields)

    def _remember_origin(self, names: Iterable[str], origin: str | None) -> None:
        for name in names:
            if origin:
                self.origins[name] = origin
            else:
                self.origins.pop(name, None)

    def set_tag(self, key: str, value: Any) -> None:
        """Set a tag; its value is kept as text."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags."""
        values = {key_name(name, "tag"): tag(value) for name, value in tags.items()}
        if values:
            self.tags.update(values)
            self._journal.append("tags", {"values": values})

    def delete_tag(self, key: str) -> None:
        """Remove a tag; nothing happens if there is none."""
        self.tags.pop(key, None)
        self._journal.append("tags", {"values": {key_name(key, "tag"): None}})

    def set_note(self, text: str) -> None:
        """Set the note of the run, in markdown."""
        self._journal.append("note", {"text": clean(str(text))})

    def set_name(self, name: str) -> None:
        """Give the run another name."""
        self.name = key_name(name, "run")
        self._journal.append("name", {"name": self.name})

    def set_direction(self, metric: str, direction: str) -> None:
        """Say whether less or more of a metric is better, where its name does not."""
        if direction not in ("min", "max"):
            raise Invalid(f"A direction is 'min' or 'max', not {direction!r}")
        self._journal.append("direction", {"values": {key_name(metric, "metric"): direction}})

    def set_deleted(self, deleted: bool) -> None:
        """Put the run into the trash, or bring it back."""
        self._journal.append("lifecycle", {"deleted": deleted})

    def record(self, section: str, value: Any) -> None:
        """Keep a captured fact of the run's circumstances under the name of its section."""
        self._journal.append("capture", {"section": section, "value": param(value)[0]})

    def log_output(self, stream: str, text: str) -> None:
        """Keep a piece of what the run printed."""
        self._journal.append("output", {"stream": stream, "text": clean(text)})

    def log_input(
        self, name: str, digest: str, *, schema: Any = None, profile: Any = None, context: str = ""
    ) -> None:
        """Record a data set that the run reads: its name, content digest, schema and profile."""
        fields = {"name": name, "digest": digest, "schema": schema, "profile": profile, "context": context}
        self._journal.append("input", {field: param(value)[0] for field, value in fields.items()})

    def log_artifact(self, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a local file into the run, below the directory `artifact_path`; a directory goes in whole."""
        source = Path(local_path).expanduser()
        if source.is_dir():
            self.log_artifacts(source, f"{artifact_path}/{source.name}" if artifact_path else source.name)
            return
        path = f"{artifact_path.rstrip('/')}/{source.name}" if artifact_path else source.name
        self._store(path, lambda: artifacts.put_file(self.root, self.run_id, path, source))

    def log_artifacts(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy the files below a local directory into the run."""
        home = Path(local_dir).expanduser()
        for file in artifacts.files(home):
            inside = file.relative_to(home).parent.as_posix()
            place = "/".join(part for part in (artifact_path, inside) if part and part != ".")
            self.log_artifact(file, place or None)

    def log_bytes(self, content: bytes, path: str, mime: str | None = None) -> None:
        """Store bytes as the artifact `path`."""
        self._store(path, lambda: artifacts.put_bytes(self.root, self.run_id, path, content, mime))

    def log_text(self, text: str, path: str) -> None:
        """Store text as the artifact `path`, in UTF-8."""
        self.log_bytes(clean(text).encode("utf-8"), path)

    def log_dict(self, value: Any, path: str) -> None:
        """Store a JSON-like value as the artifact `path`."""
        self.log_text(json.dumps(param(value)[0], indent=2, ensure_ascii=False), path)

    def log_figure(self, figure: Any, path: str) -> None:
        """Store a matplotlib, Altair or Plotly figure as the artifact `path`; its suffix chooses the format."""
        from .capture.figures import figure_bytes

        content, mime = figure_bytes(figure, Path(path).suffix)
        self.log_bytes(content, path, mime)

    def log_image(self, image: Any, path: str) -> None:
        """Store a PIL image or an array (height × width [× 1, 3 or 4], uint8 or 0..1 floats) as the artifact `path`."""
        from .capture.figures import image_bytes

        content, mime = image_bytes(image, Path(path).suffix or ".png")
        self.log_bytes(content, path, mime)

    def log_table(self, table: Any, path: str) -> None:
        """Store a data frame, a mapping of columns or a list of records as .parquet, .csv or .json."""
        self.log_bytes(*tables.encode(table, path))

    def _store(self, path: str, put: Callable[[], artifacts.Stored]) -> None:
        artifacts.safe_path(path)
        with self.contained(f"artifact {path}"):
            stored = put()
            self._journal.append(
                "artifact",
                {
                    "path": stored.path,
                    "size": stored.size,
                    "sha256": stored.sha256,
                    "mime": stored.mime,
                    "uri": None,
                },
            )

    @contextmanager
    def contained(self, what: str, *, misuse: bool = False) -> Iterator[None]:
        """The guard around logging: an error inside is kept on the run as a problem and does not reach the user.

        Errors of wrong use pass, unless `misuse` says that it was not the user who called.
        """
        try:
            yield
        except Exception as error:
            if isinstance(error, TrackerError) and not misuse:
                raise
            _log.warning(
                "Run %s: %s was not recorded (%s: %s).", self.name, what, type(error).__name__, error
            )
            self._journal.append(
                "problem", {"what": what, "error": clean(f"{type(error).__name__}: {error}"[:500])}
            )

    def child(self, name: str | None = None, tags: Mapping[str, Any] | None = None) -> Run:
        """Begin a run nested in this one."""
        if self.experiment is None:
            raise NotFound(f"Run {self.run_id} belongs to no experiment of this root")
        run = Run.start(self.root, self.experiment, name, parent=self.run_id, source_type="child")
        run.set_tags(tags or {})
        return run

    def before_end(self, action: Callable[[], None]) -> None:
        """Call `action` first thing when the run ends, newest first: captures write their last facts there."""
        self._closing.append(action)

    def close_after(self, wait: Callable[[Callable[[], None]], None]) -> None:
        """Leave it to `wait` to close the journal some time after the run has ended: facts still under way may follow."""
        self._last = wait

    def flush(self) -> bool:
        """Make everything logged so far durable; False when the disk refuses for now."""
        return self._journal.flush()

    def end(
        self,
        outcome: Outcome | str = "finished",
        error: BaseException | None = None,
        *,
        duration: float | None = None,
    ) -> None:
        """End the run, once; it took `duration` seconds, by default since it began.

        In a process other than the one that started it, only its journal is closed.
        """
        if outcome not in OUTCOMES:
            raise Invalid(f"A run ends {', '.join(OUTCOMES)}; not {outcome!r}")
        with self._lock:
            if self.ended:
                return
            self.outcome = outcome  # type: ignore[assignment]
        while self._closing:
            with self.contained("last facts"):
                self._closing.pop()()
        if self._owner_pid == os.getpid():
            duration = round(time.monotonic() - self._began if duration is None else duration, 6)
            self._journal.append("end", {"outcome": outcome, "duration": duration, "error": _error(error)})
        self._journal.flush()
        if self._last is None:
            self._journal.close()
        else:
            self._last(self._journal.close)

    def close(self) -> None:
        """Close this process's journal without ending the run."""
        self._journal.close()

    @property
    def info(self) -> RunInfo:
        """What MLflow's users read at `run.info`."""
        uri = self.root.artifacts(self.run_id).as_uri()
        return RunInfo(self.run_id, self.name, self.experiment_id, self.outcome or "running", uri)

    def __enter__(self) -> Run:
        self.entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.end(outcome_of(error), error)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_attach, (self.root, self.run_id, self.experiment, self.name))

    def __repr__(self) -> str:
        return f"<Run {self.name!r} {self.run_id} {self.outcome or 'open'}>"


def _attach(root: Root, run_id: str, experiment: Experiment | None, name: str) -> Run:
    return Run(root, run_id, experiment, name, owner=False)


def outcome_of(error: BaseException | None) -> Outcome:
    """Return how a run ends whose code left with `error`."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "finished"
    cancelled = type(error).__name__ == "CancelledError"  # how an interrupt reaches a cell that awaits
    return "interrupted" if cancelled or isinstance(error, (KeyboardInterrupt, GeneratorExit)) else "failed"


def _error(error: BaseException | None) -> dict[str, str] | None:
    if error is None or outcome_of(error) == "finished":
        return None
    from .capture.secrets import mask

    trace = "".join(traceback.format_exception(error, limit=50))
    return {
        "type": type(error).__name__,
        "message": mask(clean(str(error)))[0][:10_000],
        "traceback": mask(clean(trace))[0][-50_000:],
    }


def _whole(step: object) -> int:
    number = float(metric_number("step", step).strip('"'))
    if not number.is_integer():
        raise Invalid(f"A step is a whole number, not {step!r}")
    return int(number)
