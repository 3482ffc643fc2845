"""From a filter to its checked tree: OR below AND below NOT, with parentheses. No recursion, so no depth is too deep."""

from __future__ import annotations

import datetime
import re

from ..errors import Invalid
from .fields import ATTRIBUTES, field
from .tokens import Token, fail, tokens
from .tree import Both, Comparison, Field, Node, Not

_ORDER = frozenset({"=", "==", "!=", "<>", ">", ">=", "<", "<="})
_SAME = {"==": "=", "<>": "!=", "~": "CONTAINS"}
_TEXT_ONLY = frozenset({"LIKE", "ILIKE", "IN", "NOT IN", "CONTAINS", "NOT LIKE", "NOT ILIKE"})
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|sec|min|m|h|d)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
STATUS = {
    "running": "running", "finished": "finished", "failed": "failed", "killed": "interrupted", "interrupted": "interrupted",
    "lost": "lost", "scheduled": "running",
}  # fmt: skip
CONDITIONS = 300
_RANK = {"OR": 1, "AND": 2, "NOT": 3}


def parse(filter_: str) -> Node:
    """Return the tree of a filter. Invalid shows the place, says what was expected, and names what comes near."""
    return _Parser(filter_).whole()


class _Parser:
    """Operator precedence with two stacks."""

    def __init__(self, filter_: str) -> None:
        self.filter = filter_
        self.tokens = tokens(filter_)
        self.place = 0
        self.count = 0
        self.values: list[Node] = []
        self.waiting: list[Token] = []

    def whole(self) -> Node:
        while True:
            self._operand()
            if not self._continues():
                break
        while self.waiting:
            if self.waiting[-1].text == "(":
                fail(self.filter, self.waiting[-1].at, "this parenthesis is never closed")
            self._reduce()
        return self.values[0]

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += 1
        return token

    def _operand(self) -> None:
        """Read NOTs and opening parentheses up to one comparison."""
        while self.next.word in ("NOT", "("):
            self.waiting.append(self.take())
        self.count += 1
        if self.count > CONDITIONS:
            fail(self.filter, self.next.at, f"this is one condition too many; {CONDITIONS} are the most")
        self.values.append(self._comparison())

    def _continues(self) -> bool:
        """After an operand: take closing parentheses, then AND or OR; False at the end."""
        while self.next.word == ")":
            self._close()
        token = self.next
        if token.kind == "end":
            return False
        if token.word not in ("AND", "OR"):
            fail(self.filter, token.at, "AND, OR or the end was expected here")
        while self.waiting and _RANK.get(self.waiting[-1].word, 0) >= _RANK[token.word]:
            self._reduce()
        self.waiting.append(self.take())
        return True

    def _close(self) -> None:
        while self.waiting and self.waiting[-1].text != "(":
            self._reduce()
        if not self.waiting:
            fail(self.filter, self.next.at, "this parenthesis was never opened")
        self.waiting.pop()
        self.take()

    def _reduce(self) -> None:
        word = self.waiting.pop().word
        last = self.values.pop()
        if word == "NOT":
            twice = isinstance(last, Not) and isinstance(last.inner, Not)
            self.values.append(last.inner if twice else Not(last))  # type: ignore[union-attr]
            return
        first = self.values.pop()
        parts = [
            part
            for node in (first, last)
            for part in (node.parts if isinstance(node, Both) and node.word == word else (node,))
        ]
        self.values.append(Both(word, tuple(parts)))  # type: ignore[arg-type]

    def _comparison(self) -> Comparison:
        compared = self._field()
        operator = self._operator()
        if operator.startswith("IS"):
            return Comparison(compared, operator)
        if operator in ("IN", "NOT IN"):
            return Comparison(compared, operator, self._list(compared))
        token = self.take()
        if token.kind not in ("text", "quoted", "number", "name"):
            fail(
                self.filter,
                token.at,
                "a value was expected here",
                "A text stands in single quotes: name = 'baseline'.",
            )
        return Comparison(compared, operator, self._value(compared, operator, token))

    def _field(self) -> Field:
        parts = [self.take()]
        if parts[0].kind not in ("name", "quoted"):
            fail(
                self.filter,
                parts[0].at,
                "a name was expected here",
                "For example metrics.rmse, params.lr, tags.team or status.",
            )
        while self.next.text == "." and self.next.kind == "operator":
            self.take()
            parts.append(self.take())
            if parts[-1].kind not in ("name", "quoted", "number"):
                fail(
                    self.filter,
                    parts[-1].at,
                    "a key was expected behind the dot",
                    "Quote a key with blanks: metrics.`val loss`.",
                )
        return field(self.filter, parts)

    def _operator(self) -> str:
        token = self.take()
        if token.word in _ORDER or token.word == "~":
            return _SAME.get(token.word, token.word)
        if token.word in ("LIKE", "ILIKE", "IN"):
            return token.word
        if token.word == "NOT" and self.next.word in ("IN", "LIKE", "ILIKE"):
            return f"NOT {self.take().word}"
        if token.word == "IS":
            negated = "NOT " if self.next.word == "NOT" and self.take() else ""
            if self.next.word == "NULL":
                self.take()
                return f"IS {negated}NULL"
            fail(self.filter, self.next.at, "NULL was expected behind IS")
        hint = "There are = != < <= > >= LIKE ILIKE IN, NOT IN, IS NULL, IS NOT NULL and ~ (contains)."
        return fail(self.filter, token.at, "an operator was expected here", hint)

    def _list(self, compared: Field) -> tuple[str | float | bool, ...]:
        if self.next.word != "(":
            fail(
                self.filter,
                self.next.at,
                "a list in parentheses was expected behind IN",
                "For example status IN ('failed', 'lost').",
            )
        self.take()
        members: list[str | float | bool] = []
        while True:
            token = self.take()
            if token.kind not in ("text", "quoted", "number", "name"):
                fail(self.filter, token.at, "a value of the list was expected here")
            members.append(self._member(_type(compared), token))
            token = self.take()
            if token.word == ")":
                return tuple(members)
            if token.text != ",":
                fail(self.filter, token.at, "a comma or a closing parenthesis was expected here")

    def _member(self, kind: str, token: Token) -> str | float | bool:
        if kind == "status":
            return self._status(token)
        return token.value if kind == "text" else self._typed(kind, token)

    def _value(self, compared: Field, operator: str, token: Token) -> str | float | bool:
        kind = _type(compared)
        if kind == "number" and operator in _TEXT_ONLY:
            fail(self.filter, token.at, f"{operator} compares texts, and this is a number")
        if kind == "status":
            return self._status(token) if operator in ("=", "!=") else token.value
        if kind in ("time", "duration", "number", "flag") and operator not in _TEXT_ONLY:
            return self._typed(kind, token)
        if token.kind == "name" and token.word in ("TRUE", "FALSE"):
            return token.word.title()
        if token.kind == "name":
            fail(
                self.filter,
                token.at,
                "a value was expected here",
                f"A text stands in single quotes: '{token.text[:40]}'.",
            )
        return (
            float(token.text)
            if token.kind == "number" and operator in _ORDER and compared.kind == "param"
            else token.value
        )

    def _typed(self, kind: str, token: Token) -> str | float | bool:
        try:
            if kind == "time":
                return _time(token)
            if kind == "duration":
                return _duration(token)
            if kind == "flag":
                return {"true": True, "1": True, "false": False, "0": False}[token.value.lower()]
            return float(token.value)
        except (ValueError, KeyError, OverflowError):
            expected = {
                "time": "a time was expected: '2026-11-24', '2026-11-24T09:30:00' or milliseconds since 1970",
                "duration": "a duration was expected: 90, '90s', '5min' or '2h'",
                "flag": "true or false was expected",
            }.get(kind, "a number was expected")
            return fail(self.filter, token.at, expected)

    def _status(self, token: Token) -> str:
        status = STATUS.get(token.value.lower())
        if status is None:
            fail(
                self.filter,
                token.at,
                f"there is no status {token.value[:40]!r}",
                "There are running, finished, failed, interrupted and lost.",
            )
        return status


def _type(compared: Field) -> str:
    if compared.kind == "metric":
        return "number"
    return ATTRIBUTES[compared.key].type if compared.kind == "attribute" else "text"


def _time(token: Token) -> str:
    if token.kind == "number":
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=float(token.text))  # noqa: DTZ001  (UTC)
        return moment.isoformat()
    moment = datetime.datetime.fromisoformat(token.value.strip().replace("Z", "+00:00"))
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return moment.isoformat()


def _duration(token: Token) -> float:
    found = _SPAN.fullmatch(token.value.strip())
    return float(found[1]) * _SECONDS[found[2].lower()] if found else float(token.value)


def parse_order(clause: str) -> tuple[Field, bool]:
    """Return the field and whether the order is descending of a clause such as `metrics.rmse DESC`."""
    parser = _Parser(clause)
    ordered = parser._field()  # noqa: SLF001  (the same module)
    word = parser.take().word if parser.next.kind != "end" else "ASC"
    if word not in ("ASC", "DESC") or parser.next.kind != "end":
        raise Invalid(f"{clause[:80]!r} is no order", hint="Write metrics.rmse ASC, or start_time DESC.")
    return ordered, word == "DESC"
