"""Following the statements of a cell in the order of execution, keeping what is known of each name.

Where paths part (`if`, loops, `try`, `match`) each is followed and what they say is joined
(`bindings.meet`). Bodies of functions are not followed: their names are their own.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_tracker.capture import names as scopes
from jupyter_tracker.capture.bindings import (
    AMENDED,
    COMPUTED,
    COUNTER,
    DELETED,
    IMPORT,
    Binding,
    State,
    augmented,
    join,
    literal,
    meet,
    uncertain,
    with_entry,
)
from jupyter_tracker.capture.literals import NOT_LITERAL, fold

_EXECUTING_MAGICS = {"time", "prun", "capture"}
"""Magics of IPython that run their argument in the user's namespace: names bound there are the cell's."""


@dataclass(slots=True)
class Flow:
    """The walk so far: what is known of each name, the names met, and how many loops the walk stands in."""

    state: State = field(default_factory=dict)
    names: scopes.Names = field(default_factory=scopes.Names)
    loops: int = 0

    def run(self, body: Iterable[ast.stmt]) -> None:
        """Follow the statements one after the other."""
        for node in body:
            handler = _STATEMENTS.get(type(node))
            if handler is None:
                self.scan(node)
            else:
                handler(self, node)

    def path(self, body: Iterable[ast.stmt], start: State) -> State:
        """What is known after the body, if it is entered knowing `start`."""
        self.state = dict(start)
        self.run(body)
        return self.state

    def finished(self) -> State:
        """What is known at the end. A name that a function declares global may have been bound by it at any
        time.
        """
        for name in self.names.globals_bound:
            self.state[name] = uncertain(join(self.state.get(name, COMPUTED), COMPUTED))
        return self.state

    def scan(self, *nodes: ast.AST | None) -> None:
        """Note what expressions read, and bind their walruses."""
        scopes.scan(nodes, self.names)
        while self.names.walruses:
            walrus = self.names.walruses.pop()
            self.state[walrus.target.id] = uncertain(self.binding(walrus.value))
        while self.names.loose:
            self.state[self.names.loose.pop()] = uncertain(COMPUTED)

    def binding(self, node: ast.expr) -> Binding:
        """What a name bound to this expression is."""
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Dict):
            return self._dict(node)
        if isinstance(node, ast.IfExp):
            return join(self.binding(node.body), self.binding(node.orelse))
        if isinstance(node, ast.NamedExpr):
            return self.binding(node.value)
        if isinstance(node, ast.Lambda):
            return Binding("definition", reads=frozenset(scopes.enclose(node, scopes.Names())))
        if isinstance(node, ast.Call) and node.keywords and self._is_dict_call(node):
            return Binding("literal", entries=self.entries(node.args, node.keywords))
        value = fold(node, self.state)
        return COMPUTED if value is NOT_LITERAL else literal(value)

    def entries(self, displays: Sequence[ast.expr], keywords: Sequence[ast.keyword]) -> dict[str, Binding]:
        """The entries that `dict(display, key=value, **display)` or `d.update(…)` sets, as far as the
        source tells them.
        """
        entries: dict[str, Binding] = {}
        for display in displays:
            entries.update(self.binding(display).entries or {})
        for keyword in keywords:
            binding = self.binding(keyword.value)
            entries.update(binding.entries or {} if keyword.arg is None else {keyword.arg: binding})
        return entries

    def bind(self, target: ast.expr, binding: Binding) -> None:
        """Bind an assignment target of any shape."""
        if isinstance(target, ast.Name):
            self.state[target.id] = binding
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts, _parts(target.elts, binding))
        elif isinstance(target, ast.Starred):
            self.bind(target.value, binding)
        elif isinstance(target, ast.Subscript):
            self._set_entry(target, binding)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Bind a target to an expression, element by element where both sides are displays."""
        sides = (ast.Tuple, ast.List)
        if not isinstance(target, sides) or not isinstance(value, sides):
            self.bind(target, self.binding(value))
        elif any(isinstance(element, ast.Starred) for element in value.elts):
            self.bind(target, COMPUTED)
        else:
            self._unpack(
                target.elts, _distributed(target.elts, [self.binding(element) for element in value.elts])
            )

    def amend(self, name: str, entries: Iterable[tuple[Sequence[str], Binding]]) -> None:
        """Set entries of a dict by their paths of keys; nothing happens to a name not known to be a dict."""
        held = self.state.get(name, AMENDED)
        if held.kind not in ("literal", "amended"):
            return
        for path, binding in entries:
            held = with_entry(held, path, binding)
        self.state[name] = held

    def _named(self, name: str) -> Binding:
        held = self.state.get(name)
        if held is None or held.kind == "amended":
            return Binding("alias", source=name)
        return held if held.kind in ("literal", "alias", "definition") else COMPUTED

    def _dict(self, node: ast.Dict) -> Binding:
        entries: dict[str, Binding] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            binding = self.binding(value)
            name = "" if key is None else fold(key, self.state)
            if not isinstance(name, str):
                folded = fold(node, self.state)
                return COMPUTED if folded is NOT_LITERAL else literal(folded)
            entries.update(binding.entries or {} if key is None else {name: binding})
        return Binding("literal", entries=entries)

    def _is_dict_call(self, node: ast.Call) -> bool:
        return isinstance(node.func, ast.Name) and node.func.id == "dict" and "dict" not in self.state

    def _unpack(self, targets: Sequence[ast.expr], parts: Sequence[Binding]) -> None:
        for target, part in zip(targets, parts, strict=True):
            self.bind(target, part)

    def _set_entry(self, target: ast.Subscript, binding: Binding) -> None:
        name, path = _entry(target)
        if path:
            self.amend(name, [(path, binding)])


def _parts(targets: Sequence[ast.expr], binding: Binding) -> list[Binding]:
    """What each target of an unpacking is bound to, when the whole is bound so."""
    value = binding.value
    if isinstance(value, (tuple, list, str)):
        return _distributed(targets, [literal(item) for item in value])
    return [COUNTER if binding.kind == "counter" else COMPUTED] * len(targets)


def _distributed(targets: Sequence[ast.expr], parts: Sequence[Binding]) -> list[Binding]:
    """One binding for each target; the starred one takes a list of what the others leave. A count that
    fails is computed.
    """
    starred = next((i for i, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
    if starred is None:
        return list(parts) if len(parts) == len(targets) else [COMPUTED] * len(targets)
    end = len(parts) - (len(targets) - starred - 1)
    if end < starred:
        return [COMPUTED] * len(targets)
    return [*parts[:starred], _gathered(parts[starred:end]), *parts[end:]]


def _gathered(parts: Sequence[Binding]) -> Binding:
    if all(part.kind == "literal" and len(part.candidates) == 1 for part in parts):
        return literal([part.candidates[0] for part in parts])
    return COMPUTED


def _entry(target: ast.expr) -> tuple[str, list[str]]:
    """The name and the text keys of `name["a"]["b"]`; no keys if one of them is not text."""
    path: list[str] = []
    while isinstance(target, ast.Subscript):
        key = target.slice
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return "", []
        path.insert(0, key.value)
        target = target.value
    return (target.id, path) if isinstance(target, ast.Name) else ("", [])


def _assign(flow: Flow, node: ast.Assign) -> None:
    flow.scan(node.value, *(target for target in node.targets if not isinstance(target, ast.Name)))
    for target in node.targets:
        flow.assign(target, node.value)


def _annotated(flow: Flow, node: ast.AnnAssign) -> None:
    flow.scan(node.value, node.target)
    if node.value is not None:
        flow.assign(node.target, node.value)


def _augmented(flow: Flow, node: ast.AugAssign) -> None:
    flow.scan(node.value, node.target)
    if not isinstance(node.target, ast.Name):
        flow.bind(node.target, COMPUTED)
        return
    name, operand = node.target.id, flow.binding(node.value)
    flow.names.reads.add(name)
    if (
        isinstance(node.op, ast.BitOr)
        and operand.entries is not None
        and flow.state.get(name, AMENDED) is AMENDED
    ):
        flow.amend(name, _paths(operand.entries))
    else:
        flow.state[name] = COMPUTED if flow.loops else augmented(flow.state.get(name), node.op, operand)


def _expression(flow: Flow, node: ast.Expr) -> None:
    flow.scan(node.value)
    call = node.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return
    if call.func.attr == "update" and isinstance(call.func.value, ast.Name):
        flow.amend(call.func.value.id, _paths(flow.entries(call.args, call.keywords)))
    elif call.func.attr in ("run_line_magic", "run_cell_magic"):
        _magic(flow, call)


def _paths(entries: Mapping[str, Binding]) -> list[tuple[list[str], Binding]]:
    return [([key], binding) for key, binding in entries.items()]


def _magic(flow: Flow, call: ast.Call) -> None:
    """Follow the code that an executing magic was given; it is compiled apart, so it does not make the cell
    async.
    """
    arguments = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    texts = [argument for argument in arguments if isinstance(argument, str)]
    if len(texts) < 2 or texts[0] not in _EXECUTING_MAGICS:
        return
    awaits = flow.names.awaits
    flow.run(_code(texts[-1]))
    flow.names.awaits = awaits


def _code(source: str) -> list[ast.stmt]:
    """The statements of code still in IPython's syntax; none if it does not parse."""
    inputs = sys.modules.get("IPython.core.inputtransformer2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(inputs.TransformerManager().transform_cell(source) if inputs else source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []


def _delete(flow: Flow, node: ast.Delete) -> None:
    flow.scan(node)
    for target in node.targets:
        flow.bind(target, DELETED)


def _definition(flow: Flow, node: scopes.Definition) -> None:
    taken = scopes.enclose(node, flow.names)
    flow.scan(*scopes.around(node))
    flow.state[node.name] = Binding("definition", reads=frozenset(taken))


def _type_alias(flow: Flow, node: ast.stmt) -> None:
    flow.bind(node.name, Binding("definition"))  # type: ignore[attr-defined]


def _import(flow: Flow, node: ast.Import | ast.ImportFrom) -> None:
    for name in scopes.imported(node):
        flow.state[name] = IMPORT


def _if(flow: Flow, node: ast.If) -> None:
    flow.scan(node.test)
    start = flow.state
    flow.state = meet(flow.path(node.body, start), flow.path(node.orelse, start))


def _for(flow: Flow, node: ast.For | ast.AsyncFor) -> None:
    flow.names.awaits |= isinstance(node, ast.AsyncFor)
    flow.scan(node.iter, node.target)
    _loop(flow, node, node.target)


def _while(flow: Flow, node: ast.While) -> None:
    flow.scan(node.test)
    _loop(flow, node, None)


def _loop(flow: Flow, node: ast.For | ast.AsyncFor | ast.While, target: ast.expr | None) -> None:
    start = flow.state
    flow.state = dict(start)
    flow.loops += 1
    if target is not None:
        flow.bind(target, COUNTER)
    flow.run(node.body)
    flow.loops -= 1
    after = meet(start, flow.state)
    flow.state = meet(after, flow.path(node.orelse, after)) if node.orelse else after


def _with(flow: Flow, node: ast.With | ast.AsyncWith) -> None:
    flow.names.awaits |= isinstance(node, ast.AsyncWith)
    for item in node.items:
        flow.scan(item.context_expr, item.optional_vars)
        if item.optional_vars is not None:
            flow.bind(item.optional_vars, COMPUTED)
    flow.run(node.body)


def _try(flow: Flow, node: ast.Try) -> None:
    start = flow.state
    tried = flow.path(node.body, start)
    broken = meet(start, tried)
    after = flow.path(node.orelse, tried)
    for handler in node.handlers:
        flow.scan(handler.type)
        after = meet(after, _handled(flow, handler, broken))
    flow.state = after
    flow.run(node.finalbody)


def _handled(flow: Flow, handler: ast.ExceptHandler, start: State) -> State:
    state = flow.path(handler.body, {**start, handler.name: COMPUTED} if handler.name else start)
    return {**state, handler.name: DELETED} if handler.name else state


def _match(flow: Flow, node: ast.Match) -> None:
    flow.scan(node.subject)
    start = flow.state
    after = start
    for case in node.cases:
        captured = scopes.scan([case.pattern], scopes.Names())
        flow.names.reads |= captured.reads
        flow.state = {**start, **dict.fromkeys(captured.stores, COMPUTED)}
        flow.scan(case.guard)
        after = meet(after, flow.path(case.body, flow.state))
    flow.state = after


_STATEMENTS: dict[type[ast.AST], Callable[..., None]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Expr: _expression,
    ast.Delete: _delete,
    ast.FunctionDef: _definition,
    ast.AsyncFunctionDef: _definition,
    ast.ClassDef: _definition,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.Match: _match,
}
_STATEMENTS |= {
    getattr(ast, name): handler
    for name, handler in (("TryStar", _try), ("TypeAlias", _type_alias))
    if hasattr(ast, name)
}
