"""Which tenants and queues get labels of their own: a bounded number, so that no scrape grows without end."""

from __future__ import annotations

OTHER = "other"


class Labels:
    """Gives the first `most` things it hears of their own label values, `other` to the rest.

    One keeps its place until it is forgotten; a place left free goes to whoever is heard of next.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._known: set[tuple[str, ...]] = set()

    def of(self, *values: str) -> tuple[str, ...]:
        """Return the label values of a thing."""
        if values in self._known:
            return values
        if len(self._known) < self.most:
            self._known.add(values)
            return values
        return (OTHER,) * len(values)

    def forget(self, *values: str) -> bool:
        """Free the place of a thing that is gone; tell whether it had one."""
        if values not in self._known:
            return False
        self._known.remove(values)
        return True
