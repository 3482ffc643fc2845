"""What a user may import is there, documented, and nothing else."""

from __future__ import annotations

import inspect

import pytest

import jupyter_tracker as jt


@pytest.mark.parametrize("name", jt.__all__)
def test_a_public_name_exists_and_says_what_it_is(name: str) -> None:
    documentation = inspect.getdoc(getattr(jt, name))
    assert documentation
    assert documentation[0].isupper() or documentation[0] in "`%"


@pytest.mark.parametrize("name", ["Run", "Result"])
def test_each_method_of_a_public_class_says_what_it_does(name: str) -> None:
    public = getattr(jt, name)
    members = [(key, value) for key, value in vars(public).items() if not key.startswith("_")]
    silent = [
        key
        for key, value in members
        if (callable(value) or isinstance(value, property)) and not inspect.getdoc(value)
    ]
    assert not silent


def test_every_function_of_the_surface_is_annotated() -> None:
    functions = {name: getattr(jt, name) for name in jt.__all__ if inspect.isfunction(getattr(jt, name))}
    bare = [name for name, function in functions.items() if "return" not in function.__annotations__]
    assert not bare
