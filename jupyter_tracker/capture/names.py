"""Which names a piece of syntax reads and binds, by Python's scoping rules.

What a function, class or comprehension keeps to itself does not count; what it takes from the module does.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_IGNORED = {"ctx", "op", "ops", "annotation", "returns", "type_comment", "type_params", "lineno", "kind"}
_LEAVES = {ast.Constant, ast.Pass, ast.Break, ast.Continue}


@dataclass(slots=True)
class Names:
    """The names met in one scope.

    reads: names loaded in this scope itself. inherited: names that scopes within take from outside of
    themselves. stores: names bound in this scope. declared: names declared global. globals_bound: module
    names that functions and classes within bind through `global`. walruses: the `:=` of this scope; those
    in comprehensions are `loose`. awaits: whether the scope itself suspends.
    """

    reads: set[str] = field(default_factory=set)
    inherited: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)
    globals_bound: set[str] = field(default_factory=set)
    walruses: list[ast.NamedExpr] = field(default_factory=list)
    loose: set[str] = field(default_factory=set)
    awaits: bool = False

    @property
    def free(self) -> set[str]:
        """What the scope takes from outside when its own bindings stay its own, as in a function."""
        local = self.stores - self.declared
        return (self.reads | self.inherited) - local


def scan(nodes: Iterable[ast.AST | None], names: Names) -> Names:
    """Add to `names` what the nodes read and bind in the scope they stand in; returns `names`. Iterative
    within a scope.
    """
    stack: list[ast.AST] = [node for node in nodes if node is not None]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is ast.Name:
            (names.reads if type(node.ctx) is ast.Load else names.stores).add(node.id)  # type: ignore[attr-defined]
        elif kind in _LEAVES:
            continue
        elif (special := _SPECIAL.get(kind)) is not None:
            stack.extend(special(node, names))
        else:
            stack.extend(children(node))
    return names


def children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that can read or bind a name: annotations and operators left out."""
    for name in node._fields:
        if name in _IGNORED:
            continue
        value = getattr(node, name, None)
        if type(value) is list:
            yield from (item for item in value if isinstance(item, ast.AST))
        elif isinstance(value, ast.AST):
            yield value


def enclose(node: Definition | ast.Lambda, names: Names) -> set[str]:
    """Note in `names` what a function or class takes from outside of itself and does to the module; returns
    what it takes.

    Decorators, defaults and bases are not within: see `around`.
    """
    inner = Names()
    inner.stores.update(parameter.name for parameter in getattr(node, "type_params", ()))
    if isinstance(node, ast.ClassDef):
        scan(node.body, inner)
        taken = inner.inherited | (inner.reads - (inner.stores - inner.declared))
    else:
        inner.stores.update(_parameters(node.args))
        scan([node.body] if isinstance(node, ast.Lambda) else node.body, inner)
        taken = inner.free
    names.inherited |= taken
    _pass_on_globals(inner, names)
    return taken


def around(node: Definition | ast.Lambda) -> list[ast.AST]:
    """The parts of a definition that are evaluated where it stands."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    defaults: list[ast.AST] = [
        default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None
    ]
    return defaults if isinstance(node, ast.Lambda) else [*node.decorator_list, *defaults]


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    for argument in (
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ):
        if argument is not None:
            yield argument.arg


def _pass_on_globals(inner: Names, names: Names) -> None:
    names.globals_bound |= inner.globals_bound | (inner.stores & inner.declared)


def _definition(node: Definition | ast.Lambda, names: Names) -> list[ast.AST]:
    enclose(node, names)
    if not isinstance(node, ast.Lambda):
        names.stores.add(node.name)
    return around(node)


def _comprehension(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, names: Names
) -> list[ast.AST]:
    first, *rest = node.generators
    result = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
    targets = [generator.target for generator in node.generators]
    inner = scan([*result, *targets, *first.ifs, *rest], Names())
    names.inherited |= inner.free
    _pass_on_globals(inner, names)
    outward = inner.loose | {walrus.target.id for walrus in inner.walruses}
    names.loose |= outward
    names.stores |= outward
    names.awaits |= not isinstance(node, ast.GeneratorExp) and (inner.awaits or bool(first.is_async))
    return [first.iter]


def _generator(node: ast.comprehension, names: Names) -> list[ast.AST]:
    names.awaits |= bool(node.is_async)
    return [node.target, node.iter, *node.ifs]


def _walrus(node: ast.NamedExpr, names: Names) -> list[ast.AST]:
    names.walruses.append(node)
    names.stores.add(node.target.id)
    return [node.value]


def _awaiting(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    names.awaits = True
    return children(node)


def _import(node: ast.Import | ast.ImportFrom, names: Names) -> list[ast.AST]:
    names.stores.update(imported(node))
    return []


def _global(node: ast.Global, names: Names) -> list[ast.AST]:
    names.declared.update(node.names)
    return []


def _nonlocal(node: ast.Nonlocal, names: Names) -> list[ast.AST]:
    names.reads.update(node.names)
    return []


def _named(node: ast.AST, names: Names) -> Iterator[ast.AST]:
    bound = getattr(node, "name", None) or getattr(node, "rest", None)
    if type(bound) is str:
        names.stores.add(bound)
    return children(node)


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The names an import binds; a star import binds names that the source does not tell."""
    return [alias.asname or alias.name.partition(".")[0] for alias in node.names if alias.name != "*"]


_SPECIAL: dict[type[ast.AST], Callable[..., Iterable[ast.AST]]] = {
    ast.FunctionDef: _definition,
    ast.AsyncFunctionDef: _definition,
    ast.Lambda: _definition,
    ast.ClassDef: _definition,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.comprehension: _generator,
    ast.NamedExpr: _walrus,
    ast.Await: _awaiting,
    ast.AsyncFor: _awaiting,
    ast.AsyncWith: _awaiting,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.ExceptHandler: _named,
    ast.MatchAs: _named,
    ast.MatchStar: _named,
    ast.MatchMapping: _named,
}
