"""A server that is told to leave the extension alone."""

from __future__ import annotations

import os
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_tracker.roots import SERVER_ENVIRONMENT


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    jp_server_config["ServerApp"]["jpserver_extensions"]["jupyter_tracker"] = False
    return jp_server_config


async def test_a_disabled_extension_serves_nothing_and_tells_kernels_nothing(
    jp_fetch: Any, jp_serverapp: Any
) -> None:
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("jupyter-tracker", "api", "status")
    assert caught.value.code == 404
    assert SERVER_ENVIRONMENT not in os.environ
    assert "jupyter_tracker" not in jp_serverapp.extension_manager.linked_extensions
