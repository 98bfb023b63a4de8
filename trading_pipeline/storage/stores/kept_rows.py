"""Rows kept in memory while a batch of instruments is worked on: one query for all of them.

A store that has `KeptRows` asks a question for one instrument by one query for the whole batch, and
answers the others from memory. What this process writes is forgotten and read again. Whoever makes
the object sees to it that no other process writes what is kept: a pass has the turns of its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

__all__ = ["KeptRows"]

Answer = TypeVar("Answer")


class KeptRows:
    """Answers by question and instrument. `instruments`: those of the batch."""

    def __init__(self, instruments: Iterable[str]) -> None:
        self._batch = dict.fromkeys(instruments)
        self._kept: dict[str, dict[str, Any]] = {}

    def answer(
        self,
        question: str,
        instrument: str,
        read: Callable[[list[str]], Mapping[str, Answer]],
    ) -> Answer:
        """What is kept, or what `read` gives for all instruments of which nothing is kept.

        `read` answers for each instrument that it is given.
        """
        kept = self._kept.setdefault(question, {})
        if instrument not in kept:
            missing = [each for each in self._batch if each not in kept]
            kept.update(read(missing if instrument in self._batch else [instrument]))
        return cast("Answer", kept[instrument])

    def keep(self, question: str, instrument: str, answer: object) -> None:
        """Keep an answer that was read with others."""
        self._kept.setdefault(question, {})[instrument] = answer

    def held(self, question: str, instrument: str) -> Any:
        """What is kept, or None; nothing is read."""
        return self._kept.get(question, {}).get(instrument)

    def forget_questions(self, beginning: str) -> None:
        """Read all answers to questions that begin so again when they are asked for."""
        for question in [each for each in self._kept if each.startswith(beginning)]:
            del self._kept[question]

    def forget_all(self, instrument: str) -> None:
        """Read everything of an instrument again when it is asked for."""
        self.forget(instrument, *self._kept)

    def forget(self, instrument: str, *questions: str) -> None:
        """Read these answers of an instrument again when they are asked for."""
        for question in questions:
            self._kept.get(question, {}).pop(instrument, None)
