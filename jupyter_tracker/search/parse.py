"""From a filter to its checked tree: OR below AND below NOT, with parentheses. No recursion, so no depth is too deep."""

from __future__ import annotations

from .fields import field
from .literals import Value, members, value
from .tokens import Source, Token, fail, tokens
from .tree import Both, Comparison, Field, Node, Not

_SYMBOLS = {
    "=": "=",
    "==": "=",
    "!=": "!=",
    "<>": "!=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
    "~": "CONTAINS",
}
_WORDS = frozenset({"LIKE", "ILIKE", "IN"})
CONDITIONS = 300
_RANK = {"OR": 1, "AND": 2, "NOT": 3}


def parse(filter_: str) -> Node:
    """Return the tree of a filter. Invalid shows the place, says what was expected, and names what comes near."""
    return _Parser(Source(filter_)).whole()


class _Parser:
    """Operator precedence with two stacks."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = tokens(source)
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
                fail(self.source, self.waiting[-1].at, "this parenthesis is never closed")
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
            fail(self.source, self.next.at, f"this is one condition too many; {CONDITIONS} are the most")
        self.values.append(self._comparison())

    def _continues(self) -> bool:
        """After an operand: take closing parentheses, then AND or OR; False at the end."""
        while self.next.word == ")":
            self._close()
        token = self.next
        if token.kind == "end":
            return False
        if token.word not in ("AND", "OR"):
            fail(self.source, token.at, "AND, OR or the end was expected here")
        while self.waiting and _RANK.get(self.waiting[-1].word, 0) >= _RANK[token.word]:
            self._reduce()
        self.waiting.append(self.take())
        return True

    def _close(self) -> None:
        while self.waiting and self.waiting[-1].text != "(":
            self._reduce()
        if not self.waiting:
            fail(self.source, self.next.at, "this parenthesis was never opened")
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
        compared = self.field()
        at = self.next.at
        operator = self._operator()
        if compared.kind == "text" and operator != "CONTAINS":
            fail(
                self.source,
                at,
                "only ~ was expected behind text",
                "text ~ 'boost' finds it in names, notes, params and tags.",
            )
        if operator.startswith("IS"):
            return Comparison(compared, operator)
        if operator in ("IN", "NOT IN"):
            return Comparison(compared, operator, self._list(compared))
        return Comparison(compared, operator, value(self.source, compared, operator, self.take()))

    def field(self) -> Field:
        """Read a dotted name."""
        parts = [self.take()]
        if parts[0].kind not in ("name", "quoted"):
            hint = "For example metrics.rmse, params.lr, tags.team or status."
            fail(self.source, parts[0].at, "a name was expected here", hint)
        while self.next.word == ".":
            self.take()
            parts.append(self.take())
            if parts[-1].kind not in ("name", "quoted", "number"):
                hint = "Quote a key with blanks: metrics.`val loss`."
                fail(self.source, parts[-1].at, "a key was expected behind the dot", hint)
        return field(self.source, parts)

    def _operator(self) -> str:
        token = self.take()
        if token.word in _SYMBOLS:
            return _SYMBOLS[token.word]
        if token.word in _WORDS:
            return token.word
        if token.word == "NOT" and self.next.word in _WORDS:
            return f"NOT {self.take().word}"
        if token.word == "IS":
            return self._null()
        hint = "There are = != < <= > >= LIKE ILIKE IN, NOT IN, IS NULL, IS NOT NULL and ~ (contains)."
        return fail(self.source, token.at, "an operator was expected here", hint)

    def _null(self) -> str:
        negated = "NOT " if self.next.word == "NOT" and self.take() else ""
        if self.next.word != "NULL":
            fail(self.source, self.next.at, "NULL was expected behind IS")
        self.take()
        return f"IS {negated}NULL"

    def _list(self, compared: Field) -> tuple[Value, ...]:
        if self.next.word != "(":
            hint = "For example status IN ('failed', 'lost')."
            fail(self.source, self.next.at, "a list in parentheses was expected behind IN", hint)
        self.take()
        found: list[Token] = []
        while True:
            found.append(self.take())
            if found[-1].kind in ("operator", "end"):
                fail(self.source, found[-1].at, "a value of the list was expected here")
            separator = self.take()
            if separator.word == ")":
                return members(self.source, compared, found)
            if separator.word != ",":
                fail(self.source, separator.at, "a comma or a closing parenthesis was expected here")


def parse_order(clause: str) -> tuple[Field, bool]:
    """Return the field of a clause such as `metrics.rmse DESC`, and whether it descends."""
    source = Source(clause, "order")
    parser = _Parser(source)
    ordered = parser.field()
    if ordered.kind in ("dataset", "text"):
        fail(source, ordered.at, f"runs have no order by {ordered.kind}", "A run may have several of it.")
    direction = parser.take() if parser.next.kind != "end" else None
    if direction and (direction.word not in ("ASC", "DESC") or parser.next.kind != "end"):
        at = direction.at if direction.word not in ("ASC", "DESC") else parser.next.at
        fail(
            source,
            at,
            "ASC, DESC or the end was expected here",
            "Each clause is a text of its own: ['metrics.rmse ASC', 'name'].",
        )
    return ordered, direction is not None and direction.word == "DESC"
