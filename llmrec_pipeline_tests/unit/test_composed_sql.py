"""No query is composed of data: what varies is a parameter, and names are those of our own schema.

Every query that the package runs is taken apart, through f-strings, `+`, `format`, `join`, loops and
local names, down to what is no literal, no constant of a module and no .sql file of the package.
What is left must stand below, with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "llmrec_pipeline"
# What runs a query, and which of its arguments that is: methods of connections, and functions.
_METHODS = {"execute": 0, "sql": 0, "raw_sql": 0, "exec_driver_sql": 0, "count_rows": 1}
_FUNCTIONS = {"first_row": 1, "edition_rows": 1, "count_rows": 1, "_write_table": 1}
# Sessions run expressions of SQLAlchemy, whose only text of ours is that of `text`.
_OTHERS = ("session", "streaming", "querying")
REVIEWED: Mapping[str, Mapping[str, set[str]]] = {
    "names and types of the schema table, domain.records": {
        "orchestration/checks.py": {"table.name", "table.key", "conditions.values()"},
        "serving/edition_tables.py": {"table.name", "_no_rows(table)"},
        "storage/origins.py": {"_as_served(MODELS_SNAPSHOT)", "_as_served(BENCHMARK_RESULTS)"},
        "storage/usage_partitions.py": {"ddl(USAGE_EVENTS, name='told', extra=(_WAS_THERE,))"},
        "storage/warehouse.py": {"_statements()"},
    },
    "a table of ours, whose name the callers write": {
        "serving/report/reading.py": {"table"},
        "storage/warehouse.py": {"table"},
    },
    "what a warehouse that is being dropped lists as its own": {
        "storage/warehouse.py": {"view", "row[0]"},
    },
    "checked numbers of the settings": {
        "storage/usage_partitions.py": {"limits.max_memory_mb", "limits.threads"},
    },
    "places for parameters": {
        "storage/origins.py": {"len(values)"},
    },
    "COPY, SET and CREATE VIEW take no parameters: files and days of ours, quoted": {
        "serving/edition_tables.py": {"_quoted(folder)", "_quoted(path)", "path.stem"},
        "storage/usage_partitions.py": {"_quoted(path)", "day.isoformat()", "events", "content"},
    },
    "constants of a migration": {
        "storage/evidence_store/migrations/versions/v0001_evidence_store.py": {"verb.lower()"},
    },
    "what the user asks, on an edition and nothing else": {
        "serving/cli/querying.py": {"statements[0]"},
    },
}


def _reviewed() -> set[tuple[str, str]]:
    return {
        (f, part) for files in REVIEWED.values() for f, parts in files.items() for part in parts
    }


def _values(function: ast.AST) -> dict[str, list[ast.expr]]:
    """What each local name may stand for."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.For | ast.comprehension):
            items = node.iter.elts if isinstance(node.iter, ast.Tuple) else [node.iter]
            pairs = [(node.target, item) for item in items]
        else:
            continue
        for target, value in pairs:
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(value)
            elif isinstance(target, ast.Tuple):
                # Of what is no tuple itself, the names are all that is known.
                known = value.elts if isinstance(value, ast.Tuple) else target.elts
                for name, item in zip(target.elts, known, strict=True):
                    if isinstance(name, ast.Name):
                        found.setdefault(name.id, []).append(item)
    return found


def _parts(node: ast.expr, values: Mapping[str, Sequence[ast.expr]]) -> Iterator[str]:
    """What of a query is neither written in it nor a constant."""
    match node:
        case ast.Constant() | ast.Call(func=ast.Name("sql_text")):
            return
        case ast.Name(name) if name.isupper():
            return
        case ast.Name(name) if name in values:
            further = {other: told for other, told in values.items() if other != name}
            for value in values[name]:
                yield from _parts(value, further)
        case ast.IfExp(_, body, otherwise):
            for branch in (body, otherwise):
                yield from _parts(branch, values)
        case ast.JoinedStr() | ast.Tuple() | ast.List() | ast.BinOp():
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    yield from _parts(child, values)
        case ast.FormattedValue(value) | ast.Starred(value):
            yield from _parts(value, values)
        case ast.GeneratorExp(element) | ast.ListComp(element) | ast.SetComp(element):
            yield from _parts(element, values)
        case ast.Call(ast.Name("text"), [told]):
            yield from _parts(told, values)
        case ast.Call(ast.Attribute(text, "format" | "join"), arguments, keywords):
            for part in (text, *arguments, *(keyword.value for keyword in keywords)):
                yield from _parts(part, values)
        case _:
            yield ast.unparse(node)


def composed(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each part of a query that is neither written in it nor a constant."""
    functions = _FUNCTIONS | ({"text": 0} if _has_text_of_sqlalchemy(tree) else {})
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        values = _values(function)
        for call in ast.walk(function):
            query = _query(call, functions) if isinstance(call, ast.Call) else None
            for part in () if query is None else _parts(query, values):
                # Where a function is handed its query, whoever calls it is looked at.
                if part != _handed(function):
                    yield call.lineno, part


def _has_text_of_sqlalchemy(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "sqlalchemy"
        and "text" in {alias.name for alias in node.names}
        for node in tree.body
    )


def _query(call: ast.Call, functions: Mapping[str, int]) -> ast.expr | None:
    """The query that a call runs; None where it runs none."""
    match call.func:
        case ast.Attribute(receiver, name) if not ast.unparse(receiver).startswith(_OTHERS):
            place = _METHODS.get(name)
        case ast.Name(name):
            place = functions.get(name)
        case _:
            place = None
    return None if place is None or len(call.args) <= place else call.args[place]


def _handed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    place = _FUNCTIONS.get(function.name)
    return None if place is None else function.args.args[place].arg


def _found() -> Iterator[tuple[str, int, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for line, part in composed(ast.parse(path.read_text("utf-8"))):
            yield name, line, part


def test_no_query_is_composed_of_data() -> None:
    found = list(_found())
    reviewed = _reviewed()
    assert [
        f"{name}:{line}: {part}" for name, line, part in found if (name, part) not in reviewed
    ] == []
    # What is gone from the code is gone from the list.
    assert reviewed == {(name, part) for name, _, part in found}


@pytest.mark.parametrize(
    "query",
    [
        'con.execute(f"SELECT {name}")',
        'con.sql("SELECT " + name)',
        'con.sql("SELECT %s" % name)',
        'first_row(con, "SELECT {}".format(name))',
        'con.execute(sql_text("known").format(name=name))',
        'con.execute(", ".join(name for _ in range(2)))',
        'query = f"SELECT {name}"; con.execute(query, [1])',
        "con.execute(name)",
    ],
)
def test_the_scan_finds_what_it_looks_for(query: str) -> None:
    tree = ast.parse(f"def f(con, name):\n    {query}")
    assert [part for _, part in composed(tree)] == ["name"]


def test_constants_and_parameters_are_no_data() -> None:
    body = 'for t in ("a", "b"):\n        con.execute(f"DELETE FROM {t} WHERE {_KEY} = ?", [name])'
    assert list(composed(ast.parse(f"def f(con, name):\n    {body}"))) == []
