"""Reading configured values out of a plain mapping, with errors that name key, value and choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CheckedMapping:
    """A mapping of a configuration file, at `path` within it (empty at the top).

    Every reader raises ValueError with the key's full path, its value and what is allowed.
    """

    content: Mapping[str, Any]
    path: str = ""

    def only(self, keys: set[str]) -> None:
        """Refuse every key that is not one of these."""
        for key in self.content:
            if key not in keys:
                known = ", ".join(sorted(keys))
                raise ValueError(f"{self._key(str(key))}: unknown key; allowed: {known}")

    def text(self, key: str, *, allowed: Iterable[str] = ()) -> str:
        """A text, one of `allowed` where there are such."""
        names = tuple(allowed)
        kind = f"one of {', '.join(names)}" if names else "a name"
        return str(self._get(key, kind, lambda v: isinstance(v, str) and (not names or v in names)))

    def number(self, key: str, low: float, high: float) -> float:
        """A number from low to high, both included."""

        def accept(value: Any) -> bool:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and low <= value <= high

        return float(self._get(key, f"a number from {low} to {high}", accept))

    def texts(
        self, key: str, *, allowed: tuple[str, ...] = (), at_least: int = 0
    ) -> tuple[str, ...]:
        """A list of texts, each of `allowed` where there are such; absent is empty."""

        def accept(value: Any) -> bool:
            if not isinstance(value, list | tuple) or len(value) < at_least:
                return False
            return all(
                isinstance(v, str) and bool(v.strip()) and (not allowed or v in allowed)
                for v in value
            )

        if key not in self.content and not at_least:
            return ()
        kind = f"a list of {', '.join(allowed)}" if allowed else "a list of texts"
        return tuple(self._get(key, kind, accept))

    def child(self, key: str, keys: set[str]) -> CheckedMapping:
        """The mapping under a key, which may hold these keys."""
        value = self._get(key, "a mapping", lambda v: isinstance(v, Mapping))
        child = CheckedMapping(value, self._key(key))
        child.only(keys)
        return child

    def children(self, key: str, keys: set[str]) -> list[tuple[str, CheckedMapping]]:
        """The mappings by name under a key, each of which may hold these keys."""
        value = self._get(key, "a mapping", lambda v: isinstance(v, Mapping) and bool(v))
        named = CheckedMapping(value, self._key(key))
        return [(str(name), named.child(name, keys)) for name in value]

    def _key(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _get(self, key: str, kind: str, accept: Callable[[Any], bool]) -> Any:
        if key not in self.content:
            raise ValueError(f"{self._key(key)}: missing; needed: {kind}")
        value = self.content[key]
        if not accept(value):
            raise ValueError(f"{self._key(key)}: {value!r}; allowed: {kind}")
        return value
