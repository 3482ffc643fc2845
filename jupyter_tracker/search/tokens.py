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
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<name>[^\W\d][\w/-]*|\d[\w/-]*)
  | (?P<operator><=|>=|!=|<>|==|[=<>(),.~])
  | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


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


def tokens(filter_: str) -> list[Token]:
    """Return the tokens of a filter, an `end` last; Invalid names the place of what is none."""
    if len(filter_) > LIMIT:
        raise Invalid(f"The filter has {len(filter_):,} characters; {LIMIT:,} are the most")
    try:
        filter_.encode()
    except UnicodeEncodeError as wrong:
        fail(filter_, wrong.start, "half a surrogate pair is no text")
    found, at = [], 0
    while True:
        match = _TOKEN.match(filter_, at)
        if match is None or match.lastgroup is None:
            start = at + len(filter_[at:]) - len(filter_[at:].lstrip())
            fail(filter_, start, _strange(filter_[start]))
        token = Token(
            cast("Kind", match.lastgroup),
            match.group(match.lastgroup),
            match.start(match.lastgroup),
            match.end(),
        )
        found.append(token)
        if token.kind == "end":
            return found
        at = match.end()


def _strange(character: str) -> str:
    if character in "'\"`":
        return f"this {character} is never closed"
    return f"{character!r} means nothing here"


def fail(filter_: str, at: int, what: str, hint: str = "") -> NoReturn:
    """Raise Invalid with the stretch of the filter around `at` and a caret under it."""
    start = max(0, at - 50)
    stretch = filter_[start : at + 50].replace("\n", " ").replace("\t", " ")
    stretch = stretch.encode("utf-8", "replace").decode()
    raise Invalid(f"In the filter, {what}:\n  {stretch}\n  {' ' * (at - start)}^", hint=hint)
