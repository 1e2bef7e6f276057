"""Algolia's search of Hacker News on a loopback port, with invented items.

It answers as the real one does: newest first, a page at a time, no more than 1,000 hits of one
question, however many pages are asked for, and with a dash taken for a blank.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

MOST_HITS = 1000


def comment(number: int, created_at: int, text: str, story: str = "An invented story") -> Any:
    """A comment as the search gives it."""
    return {
        "objectID": str(number),
        "created_at_i": created_at,
        "author": "somebody",
        "comment_text": text,
        "story_title": story,
        "story_id": 1,
        "_tags": ["comment", "author_somebody", "story_1"],
    }


def story(number: int, created_at: int, title: str, text: str | None = None) -> Any:
    """A story likewise."""
    return {
        "objectID": str(number),
        "created_at_i": created_at,
        "author": "somebody",
        "title": title,
        "url": "https://example.org/story",
        "story_text": text,
        "points": 7,
        "_tags": ["story", "author_somebody", f"story_{number}"],
    }


@dataclass
class HackerNews:
    """The server; `status` other than 200 is what every request gets."""

    items: list[Any] = field(default_factory=list)
    status: int = 200
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                asked = {name: values[0] for name, values in query.items()}
                outer.asked.append(asked)
                body = json.dumps(outer.answer(asked)).encode()
                self.send_response(outer.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def environment(self) -> dict[str, str]:
        """Variables that lead a search here, without long pauses."""
        return {
            "LLMREC_SENTIMENT__SEARCH__HN__BASE_URL": f"http://127.0.0.1:{self._server.server_port}",
            "LLMREC_SENTIMENT__SEARCH__HN__PAUSE_S": "0.01",
        }

    def answer(self, asked: Mapping[str, str]) -> Any:
        """The page that is asked for."""
        phrase = _searched(asked["query"].strip('"'))
        low, high = 0, 2**40
        for filtered in asked.get("numericFilters", "").split(","):
            if match := re.fullmatch(r"created_at_i(>=|<=)(\d+)", filtered):
                low, high = (int(match[2]), high) if match[1] == ">=" else (low, int(match[2]))
        found = [
            item
            for item in sorted(self.items, key=lambda item: -item["created_at_i"])
            if low <= item["created_at_i"] <= high and phrase in _searched(json.dumps(item))
        ]
        size, page = int(asked.get("hitsPerPage", "20")), int(asked.get("page", "0"))
        hits = found[:MOST_HITS][size * page : size * (page + 1)]
        return {"hits": hits, "nbHits": len(found), "page": page, "hitsPerPage": size}


def _searched(text: str) -> str:
    return text.lower().replace("-", " ")
