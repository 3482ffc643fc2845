from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from jupyter_tracker.catalog import Catalog, canonical
from jupyter_tracker.errors import Conflict, Corrupt, Invalid, NotFound
from jupyter_tracker.roots import Root


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(Root.create(tmp_path))


def fresh(catalog: Catalog) -> Catalog:
    return Catalog(catalog.root)


def test_an_experiment_lives_through_its_changes(catalog: Catalog) -> None:
    made = catalog.create_experiment("vision/resnet", {"team": "a"}, "a note")
    catalog.tag_experiment("vision/resnet", "team", "b")
    catalog.tag_experiment("vision/resnet", "gone", "x")
    catalog.tag_experiment("vision/resnet", "gone", None)
    catalog.note_experiment(made.experiment_id, "another note")
    catalog.rename_experiment("vision/resnet", "vision/vit")
    found = fresh(catalog).experiment("vision/vit")
    assert (found.experiment_id, found.tags, found.note) == (
        made.experiment_id,
        {"team": "b"},
        "another note",
    )
    catalog.delete_experiment("vision/vit")
    assert fresh(catalog).read().experiments[made.experiment_id].deleted
    catalog.restore_experiment("vision/vit")
    assert not fresh(catalog).experiment("vision/vit").deleted


def test_every_commit_says_who_when_and_what(catalog: Catalog) -> None:
    catalog.create_experiment("a")
    (commit,) = catalog.commits()
    assert commit.n == 1
    assert commit.user
    assert commit.host
    assert commit.time > 1_700_000_000_000_000
    assert commit.kind == "experiment.create"


def test_a_name_in_use_is_a_conflict_and_a_deleted_one_is_free(catalog: Catalog) -> None:
    catalog.create_experiment("a")
    with pytest.raises(Conflict, match="exists"):
        catalog.create_experiment("a")
    catalog.delete_experiment("a")
    catalog.create_experiment("a")
    with pytest.raises(Conflict, match="active"):
        catalog.restore_experiment("a")


def test_an_unknown_experiment_names_those_there_are(catalog: Catalog) -> None:
    catalog.create_experiment("churn")
    with pytest.raises(NotFound) as raised:
        catalog.experiment("chrun")
    assert "churn" in raised.value.hint


def test_purged_experiments_are_forgotten(catalog: Catalog) -> None:
    made = catalog.create_experiment("a")
    catalog.delete_experiment("a")
    catalog.purge_experiment(made.experiment_id)
    assert fresh(catalog).read().experiments == {}


@pytest.mark.parametrize("name", ["", "  ", None, 3, "a//b", "../a", "a/..", "a\nb", "x" * 501, "/a"])
def test_what_cannot_name_an_experiment_is_refused(name: object) -> None:
    with pytest.raises(Invalid):
        canonical(name)


def test_two_spellings_of_one_name_are_one(catalog: Catalog) -> None:
    made = catalog.create_experiment("café")
    assert catalog.ensure_experiment("cafe\u0301 ").experiment_id == made.experiment_id


def test_commits_of_a_newer_release_are_kept_and_passed_over(catalog: Catalog) -> None:
    catalog.publish("galaxy.create", {"what": 1}, lambda state: None)
    catalog.create_experiment("a")
    assert [commit.kind for commit in fresh(catalog).commits()] == ["galaxy.create", "experiment.create"]


def test_a_damaged_commit_is_told(catalog: Catalog) -> None:
    catalog.create_experiment("a")
    file = catalog.root.catalog / "00000001.json"
    file.write_bytes(file.read_bytes().replace(b'"a"', b'"b"'))
    with pytest.raises(Corrupt, match="commit 1"):
        fresh(catalog).read()


def _create(path: str, worker: int, count: int) -> None:
    catalog = Catalog(Root.open(path))
    for number in range(count):
        catalog.create_experiment(f"{worker}-{number}")
        catalog.ensure_experiment("shared")


def test_many_processes_get_contiguous_numbers_and_lose_nothing(catalog: Catalog) -> None:
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=_create, args=(str(catalog.root.path), worker, 10)) for worker in range(16)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    state = fresh(catalog).read()
    assert len(state.experiments) == 161
    assert state.head == 161
    assert [name.name for name in catalog.root.catalog.iterdir() if name.suffix == ".tmp"] == []
