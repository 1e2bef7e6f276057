"""`/docs`: the OpenAPI document as a page of its own, without a script from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>llmrec API</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
code,pre{{font-family:ui-monospace,monospace;background:#8882;border-radius:4px}}
code{{padding:.1em .3em}}pre{{padding:.6rem;overflow:auto}}:root{{color-scheme:light dark}}</style>
<h1>llmrec API</h1>
<p>The whole document, for tools: <a href="/openapi.json">openapi.json</a>.
Errors are <code>application/problem+json</code>.</p>
{routes}
</html>"""


def docs_page(document: Mapping[str, Any]) -> str:
    """The page."""
    routes = "".join(
        _route(method, path, route, document)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
    )
    return _PAGE.format(routes=routes)


def _route(method: str, path: str, route: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parameters = "".join(
        f"<li><code>{escape(p['name'])}</code> in {p['in']}{_needed(p)}</li>"
        for p in route.get("parameters", ())
    )
    statuses = ", ".join(sorted(route["responses"]))
    examples = "".join(
        f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"
        for example in _examples(route, document)
    )
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(route.get('description', ''))}</p><ul>{parameters}</ul>{examples}"
        f"<p>Answers: {statuses}</p>"
    )


def _needed(parameter: Mapping[str, Any]) -> str:
    return ", required" if parameter.get("required") else ""


def _examples(route: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Any]:
    for content in route.get("requestBody", {}).get("content", {}).values():
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        yield from document["components"]["schemas"].get(name, {}).get("examples", ())
