"""Keep nothing: the cache for whoever wants none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilth.bytes.caches._backend import Backend


class Nothing:
    """Takes no value and has none."""

    most_bytes = 0

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        return {}

    def put_many(self, values: Mapping[str, bytes], seconds: float | None) -> int:
        return len(values)

    def delete_many(self, keys: Sequence[str]) -> None:
        pass

    def clear(self, prefix: str) -> bool:
        return True

    def cut(self) -> None:
        pass

    def close(self) -> None:
        pass


_: type[Backend] = Nothing
