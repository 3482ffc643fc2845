"""The routes of the server extension, asked over HTTP."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPResponse
from tornado.routing import Rule

from jupyter_tracker.errors import TrackerError
from jupyter_tracker.roots import DIRECTORY, SERVER_ENVIRONMENT, Root
from jupyter_tracker.server.handlers import ROUTES, STATUS
from jupyter_tracker.store import Store
from jupyter_tracker.store.lock import Lock

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


async def ask(jp_fetch: Any, name: str, params: object = None) -> Any:
    answer = await jp_fetch(
        "jupyter-tracker", "api", "query", name, method="POST", body=json.dumps(params or {})
    )
    return json.loads(answer.body)


async def refused(request: Any) -> tuple[int, dict[str, str]]:
    """The status and the body of an answer that is an error."""
    with pytest.raises(HTTPClientError) as caught:
        await request
    response: HTTPResponse = caught.value.response
    return caught.value.code, json.loads(response.body)


async def test_the_status_names_the_root_without_making_it(jp_fetch: Any, directory: Path) -> None:
    status = json.loads((await jp_fetch("jupyter-tracker", "api", "status")).body)
    assert status["root"] == str(directory)
    assert status["exists"] is False
    assert status["why"]
    assert not (directory / DIRECTORY).exists()


async def test_kernels_learn_the_directory_of_the_server(jp_serverapp: Any, directory: Path) -> None:
    assert os.environ[SERVER_ENVIRONMENT] == str(directory)


async def test_runs_are_listed(jp_fetch: Any, recorded: Path) -> None:
    assert json.loads((await jp_fetch("jupyter-tracker", "api", "status")).body)["exists"] is True
    (experiment,) = await ask(jp_fetch, "experiments.list")
    assert (experiment["name"], experiment["runs"]) == ("churn", 2)
    (page,) = await ask(
        jp_fetch,
        "runs.page",
        {"filter": "metrics.rmse < 0.45", "columns": [{"kind": "metric", "key": "rmse"}]},
    )
    assert [(run["name"], run["values"]) for run in page["runs"]] == [("second", [0.4])]


@pytest.mark.parametrize(
    ("name", "body", "status", "says"),
    [
        ("runs.none", "{}", 404, "runs.none"),
        ("run.detail", '{"run_id": "0"}', 404, "run"),
        ("runs.page", '{"limit": "many"}', 400, "limit"),
        ("runs.page", '{"filter": "metrics.rmse <"}', 400, ""),
        ("runs.page", "[1]", 400, "object"),
        ("runs.page", "{", 400, "JSON"),
        ("runs.page", b"\xff", 400, "JSON"),
    ],
)
async def test_an_error_says_what_is_wrong_and_how_to_mend_it(
    jp_fetch: Any, recorded: Path, name: str, body: str, status: int, says: str
) -> None:
    code, told = await refused(jp_fetch("jupyter-tracker", "api", "query", name, method="POST", body=body))
    assert code == status
    assert says in told["message"]
    assert told["hint"]
    assert "Traceback" not in json.dumps(told)


async def test_before_the_first_run_a_query_tells_what_to_do(jp_fetch: Any, directory: Path) -> None:
    code, told = await refused(
        jp_fetch("jupyter-tracker", "api", "query", "experiments.list", method="POST", body="{}")
    )
    assert code == 404
    assert str(directory) in told["message"]
    assert told["hint"]


async def test_no_method_of_any_route_answers_a_stranger(
    jp_fetch: Any, recorded: Path, jp_serverapp: Any
) -> None:
    for pattern, _ in ROUTES:
        path = re.sub(r"\(.*?\)", "experiments.list", pattern).strip("/")
        for method in METHODS:
            body = b"{}" if method in {"POST", "PUT", "PATCH"} else None
            with pytest.raises(HTTPClientError) as caught:
                await jp_fetch(path, method=method, body=body, headers={"Authorization": "token wrong"})
            assert caught.value.code == 403, (method, path)


async def test_every_route_of_the_extension_is_walked(jp_serverapp: Any) -> None:
    def served(rules: list[Rule]) -> Iterator[str]:
        for rule in rules:
            yield from served(getattr(rule.target, "rules", []))
            yield getattr(getattr(rule.matcher, "regex", None), "pattern", "")

    ours = {
        pattern
        for pattern in served(jp_serverapp.web_app.default_router.rules)
        if "jupyter-tracker/" in pattern
    }
    assert len(ours) == len(ROUTES)


async def test_a_busy_store_is_a_503(jp_fetch: Any, recorded: Path) -> None:
    with Lock(Store(Root.open(recorded)).place.lock) as lock:
        lock.acquire(5)
        answer = jp_fetch(
            "jupyter-tracker",
            "api",
            "query",
            "experiments.list",
            method="POST",
            body="{}",
            request_timeout=60,
        )
        code, told = await refused(answer)
    assert code == 503
    assert told["hint"]


def test_every_kind_of_error_has_a_status() -> None:
    assert set(STATUS) == set(TrackerError.__subclasses__())
