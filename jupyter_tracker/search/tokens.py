"""A filter as tokens, each with its place in the text."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, NoReturn, cast

from ..errors import Invalid

LIMIT = 100_000
Kind = Literal["name", "quoted", "text", "number", "operator", "end"]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*')
  | (?P<quoted>`(?:[^`]|``)*`|"(?:[^"]|"")*")
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|(?<![\w`"])\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))  # a.5 is a name, a dot and 5
  | (?P<name>[^\W\d][\w/-]*|\d[\w/-]*)
  | (?P<operator><=|>=|!=|<>|==|[=<>(),.~])
  | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


class Source(NamedTuple):
    """What a user wrote, and what it is called in an error."""

    text: str
    name: str = "filter"


class Token(NamedTuple):
    kind: Kind
    text: str
    at: int
    end: int

    @property
    def word(self) -> str:
        """The token as a keyword is compared: upper case, "" for what is quoted."""
        return self.text.upper() if self.kind in ("name", "operator") else ""

    @property
    def value(self) -> str:
        """What a quoted token stands for."""
        quote = self.text[0]
        return self.text[1:-1].replace(quote * 2, quote) if self.kind in ("text", "quoted") else self.text


def tokens(source: Source) -> list[Token]:
    """Return the tokens of a filter or an order, an `end` last; Invalid names the place of what is none."""
    text = source.text
    if len(text) > LIMIT:
        raise Invalid(f"The {source.name} has {len(text):,} characters; {LIMIT:,} are the most")
    try:
        text.encode()
    except UnicodeEncodeError as wrong:
        fail(source, wrong.start, "half a surrogate pair is no text")
    found, at = [], 0
    while True:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            fail(source, start, *_strange(text[start]))
        kind = match.lastgroup
        token = Token(cast("Kind", kind), match.group(kind), match.start(kind), match.end())
        found.append(token)
        if token.kind == "end":
            return found
        at = match.end()


def _strange(character: str) -> tuple[str, str]:
    if character in "'\"`":
        return f"this {character} is never closed", f"Inside, it is written twice: {character * 2}"
    return (
        f"{character!r} means nothing here",
        "A key with such signs is quoted with backticks: metrics.`a@b`.",
    )


def fail(source: Source, at: int, what: str, hint: str = "") -> NoReturn:
    """Raise Invalid with the stretch of the text around `at` and a caret under it."""
    start = max(0, at - 50)
    stretch = source.text[start : at + 50].replace("\n", " ").replace("\t", " ")
    stretch = stretch.encode("utf-8", "replace").decode()
    raise Invalid(f"In the {source.name}, {what}:\n  {stretch}\n  {' ' * (at - start)}^", hint=hint)
