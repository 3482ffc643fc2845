"""The module-level vocabulary: one root, one experiment and one active run in force.

The names are MLflow's, so that a notebook written for MLflow tracking runs with its import
changed to `import jupyter_tracker as mlflow`. Where MLflow raises because a cell was run twice,
this does what was meant: `start_run` ends the run that an earlier cell left open.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urlparse

from .catalog import Catalog
from .entities import Experiment
from .errors import Invalid, NotFound
from .ids import check_run_id
from .roots import Root, find
from .run import Run, outcome_of

_stack: ContextVar[tuple[Run, ...]] = ContextVar("jupyter_tracker_runs", default=())


class _Session:
    """What is in force in this process. Threads see it; tasks and contexts see their own stack first."""

    def __init__(self) -> None:
        self.root: Root | None = None
        self.catalog: Catalog | None = None
        self.experiment: Experiment | None = None
        self.runs: list[Run] = []
        self.last: Run | None = None


_session = _Session()


def root() -> Root:
    """Return the root in force, found once (see `jupyter_tracker.roots.find`) unless it was set."""
    if _session.root is None:
        _session.root = find()
    return _session.root


def set_root(path: str | os.PathLike[str]) -> Root:
    """Use the root at `path` from now on, made if there is none."""
    _session.root, _session.catalog, _session.experiment = find(path), None, None
    return _session.root


def catalog() -> Catalog:
    """Return the catalog of the root in force."""
    if _session.catalog is None or _session.catalog.root != root():
        _session.catalog = Catalog(root())
    return _session.catalog


def set_tracking_uri(uri: str | os.PathLike[str]) -> None:
    """Use the directory or `file:` URI as root. Databases and servers of MLflow are Invalid, with a way on."""
    text = os.fspath(uri)
    scheme = urlparse(text).scheme
    if scheme == "file":
        text = unquote(urlparse(text).path)
    elif scheme in ("http", "https", "databricks"):
        hint = (
            "Give a directory, for example jt.set_tracking_uri('.'). On a shared disk it serves a whole team."
        )
        raise Invalid(f"{text} is a tracking server; runs are kept in a directory", hint=hint)
    elif len(scheme) > 1:
        hint = (
            "Give a directory, for example jt.set_tracking_uri('.'); the DuckDB database in it makes itself."
        )
        raise Invalid(f"{text} is a database address; runs are kept in a directory", hint=hint)
    set_root(text)


def get_tracking_uri() -> str:
    """Return the root in force as a `file:` URI."""
    return root().path.as_uri()


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None, *, note: str | None = None
) -> Experiment:
    """Make an experiment the one that new runs go to, created if there is none of that name."""
    if experiment_id is not None:
        found = catalog().experiment(experiment_id)
    elif experiment_name is not None:
        found = catalog().ensure_experiment(experiment_name)
    else:
        raise Invalid("Which experiment?", hint='For example jt.set_experiment("churn").')
    if note is not None:
        catalog().note_experiment(found.experiment_id, note)
    _session.experiment = found
    return found


def experiment_in_force() -> Experiment:
    """Return the experiment that new runs go to: the one set, JUPYTER_TRACKER_EXPERIMENT, the notebook's name, "default"."""
    held = _session.experiment
    if held is not None:
        present = catalog().read().experiments.get(held.experiment_id)
        if present is not None and not present.deleted:
            return present
        return catalog().ensure_experiment(held.name)
    from .capture.place import default_experiment

    named = os.environ.get("JUPYTER_TRACKER_EXPERIMENT") or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    return catalog().ensure_experiment(named or default_experiment(interactive_shell()))


def start_run(
    run: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    *,
    run_id: str | None = None,
    experiment: str | None = None,
    log_system_metrics: bool | None = None,
) -> Run:
    """Begin a run, or go on with the one of that id, and make it the active one.

    `run` is a name for the new run or the id of one to resume. Inside a `with start_run()` block
    the new run is nested; a run that an earlier cell left open is ended first. Never raises
    because of an active run.
    """
    from .capture.circumstances import observe
    from .capture.place import here

    shell = interactive_shell()
    place = here(shell)
    run_id, run_name = _which(run, run_id, run_name)
    outer = active_run()
    if outer is not None and not (nested or outer.entered or parent_run_id):
        end_run()
        outer = active_run()
    if run_id is not None:
        begun = Run.resume(root(), run_id)
    else:
        parent = parent_run_id or (outer.run_id if outer is not None else None)
        begun = Run.start(
            root(),
            _experiment(experiment, experiment_id, outer),
            run_name,
            parent=parent,
            source_type=source_type(shell),
            lineage=place.lineage(),
        )
    observe(begun, place, system=log_system_metrics is not False)
    begun.set_tags(tags or {})
    if description is not None:
        begun.set_note(description)
    push(begun)
    return begun


def _which(run: str | None, run_id: str | None, run_name: str | None) -> tuple[str | None, str | None]:
    if run is not None and len(run) == 32 and run_id is None and set(run) <= set("0123456789abcdef"):
        return run, run_name
    return (check_run_id(run_id) if run_id is not None else None), run_name or run


def _experiment(name: str | None, experiment_id: str | None, outer: Run | None) -> Experiment:
    if experiment_id is not None:
        return catalog().experiment(experiment_id)
    if name is not None:
        return catalog().ensure_experiment(name)
    if outer is not None and outer.experiment is not None:
        return outer.experiment
    return experiment_in_force()


def source_type(shell: Any) -> str:
    """Return what kind of program runs here: notebook, console or script."""
    if shell is None:
        return "script"
    return "notebook" if getattr(shell, "kernel", None) is not None else "console"


def interactive_shell() -> Any:
    """Return IPython's shell if this process has one; IPython is never imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def push(run: Run) -> None:
    """Make `run` the active one, here and for threads that have none of their own."""
    _session.runs = [open_ for open_ in _session.runs if not open_.ended] + [run]
    _stack.set((*(open_ for open_ in _stack.get() if not open_.ended), run))
    _session.last = run


def active_run() -> Run | None:
    """Return the run that logging goes to: this context's innermost open one, else the process's."""
    for run in (*reversed(_stack.get()), *reversed(_session.runs)):
        if not run.ended:
            return run
    return None


def last_active_run() -> Run | None:
    """Return the active run, or else the one that was active last."""
    return active_run() or _session.last


def end_run(status: str = "finished") -> None:
    """End the active run if there is one; `status` is ours or MLflow's (FINISHED, FAILED, KILLED)."""
    run = active_run()
    if run is not None:
        outcome = status.lower()
        run.end("interrupted" if outcome == "killed" else outcome)


def current() -> Run:
    """Return the active run, begun if there is none."""
    return active_run() or start_run()


def log(metrics: Mapping[str, Any] | None = None, step: int | None = None, **values: Any) -> None:
    """Log metrics to the active run; see `Run.log`."""
    current().log(metrics, step, **values)


def log_metric(
    key: str,
    value: Any,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
) -> None:
    """Log one metric to the active run; see `Run.log_metric`. `synchronous` is MLflow's and changes nothing."""
    current().log_metric(key, value, step, timestamp)


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
) -> None:
    """Log metrics of one step to the active run."""
    current().log_metrics(metrics, step, timestamp)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log one param to the active run. Returns `value`."""
    return current().log_param(key, value)


def log_params(params: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Log params to the active run."""
    current().log_params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Set a tag of the active run."""
    current().set_tag(key, value)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Set tags of the active run."""
    current().set_tags(tags)


def delete_tag(key: str) -> None:
    """Remove a tag of the active run."""
    current().delete_tag(key)


def set_note(text: str) -> None:
    """Set the note of the active run, in markdown."""
    current().set_note(text)


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy a local file into a run, the active one by default."""
    _to(run_id, lambda run: run.log_artifact(local_path, artifact_path))


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Copy a local directory into a run, the active one by default."""
    _to(run_id, lambda run: run.log_artifacts(local_dir, artifact_path))


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Store text as an artifact."""
    _to(run_id, lambda run: run.log_text(text, artifact_file))


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a JSON-like value as an artifact."""
    _to(run_id, lambda run: run.log_dict(dictionary, artifact_file))


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Store a matplotlib, Altair or Plotly figure as an artifact. `save_kwargs` is MLflow's and is passed over."""
    current().log_figure(figure, artifact_file)


def log_image(
    image: Any, artifact_file: str | None = None, key: str | None = None, step: int | None = None
) -> None:
    """Store an image as the artifact `artifact_file`, or as `images/<key>_<step>.png`."""
    if artifact_file is None and key is None:
        raise Invalid(
            "An image needs artifact_file or key", hint='For example jt.log_image(image, "sample.png").'
        )
    current().log_image(image, artifact_file or f"images/{key}_{step or 0}.png")


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a table as an artifact: .parquet, .csv or .json."""
    _to(run_id, lambda run: run.log_table(data, artifact_file))


def log_input(dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None) -> None:
    """Record a data set that the active run reads: MLflow's dataset objects, or anything with a name and a digest."""
    name, digest = getattr(dataset, "name", None), getattr(dataset, "digest", None)
    if not name or not digest:
        hint = "Give an object with name and digest, or call run.log_input(name, digest)."
        raise Invalid(f"{type(dataset).__name__} is no data set", hint=hint)
    current().log_input(str(name), str(digest), context=context or "")


def _to(run_id: str | None, action: Any) -> None:
    """Do `action` to the active run, or to another one that is opened for it and closed again."""
    active = active_run()
    if run_id is None or (active is not None and active.run_id == run_id):
        action(current())
        return
    run = Run.annotate(root(), run_id)
    try:
        action(run)
    finally:
        run.close()


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Return the `file:` URI of the active run's artifacts, or of one of them."""
    run = current()
    home = run.root.artifacts(run.run_id)
    return (home / artifact_path if artifact_path else home).as_uri()


def flush() -> bool:
    """Make everything logged to the active run durable; False when the disk refuses for now."""
    run = active_run()
    return run is None or run.flush()


def create_experiment(
    name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
) -> str:
    """Create an experiment and return its id; Conflict if the name is in use."""
    texts = {key: str(value) for key, value in (tags or {}).items()}
    return catalog().create_experiment(name, texts, artifact_root=artifact_location).experiment_id


def get_experiment(experiment_id: str) -> Experiment:
    """Return the experiment of that id, also a deleted one; NotFound if there is none."""
    found = catalog().read().experiments.get(experiment_id)
    if found is None:
        raise NotFound(f"No experiment with id {experiment_id!r}")
    return found


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return the experiment of that name, or None."""
    state = catalog().read()
    return state.named(name) or state.named(name, deleted=True)


def rename_experiment(name_or_id: str, new_name: str) -> None:
    """Give an experiment another name."""
    catalog().rename_experiment(name_or_id, new_name)


def delete_experiment(name_or_id: str) -> None:
    """Put an experiment and its runs into the trash."""
    catalog().delete_experiment(name_or_id)


def restore_experiment(name_or_id: str) -> None:
    """Bring a deleted experiment back from the trash."""
    catalog().restore_experiment(name_or_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the experiment in force."""
    catalog().tag_experiment(experiment_in_force().experiment_id, key, str(value))


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the experiment in force."""
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_run(run_id: str) -> None:
    """Put a run into the trash."""
    _to(run_id, lambda run: run.set_deleted(True))


def restore_run(run_id: str) -> None:
    """Bring a run back from the trash."""
    _to(run_id, lambda run: run.set_deleted(False))


@atexit.register
def _end_open_runs() -> None:
    """What is still open when the interpreter ends: a script's error fails it, a kernel that is shut down mid-cell interrupts it."""
    shell = interactive_shell()
    error = None if shell is not None else getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    busy = shell is not None and any(run.entered for run in _session.runs)
    for run in reversed(_session.runs):
        run.end("interrupted" if busy else outcome_of(error), error)
