"""A consumer group's coordinator: a barrier at each rebalance, the Range assignor, sessions that run out."""

import asyncio

SESSION_SECONDS, REBALANCE_SECONDS, HEARTBEAT_SECONDS = 4.0, 5.0, 1.0
_GATHERING_SECONDS = 0.05


class Group:
    """The members of a group; ``generation`` counts its rebalances."""

    def __init__(self, partitions: int) -> None:
        self.generation = 0
        self.assignment: dict[str, tuple[int, ...]] = {}
        self._partitions = partitions
        self._last_seen: dict[str, float] = {}
        self._joined: dict[str, asyncio.Future[tuple[int, tuple[int, ...]]]] = {}
        self._deadline: asyncio.TimerHandle | None = None

    async def join(self, member: str) -> tuple[int, tuple[int, ...]]:
        """Join, and wait for all others; return the generation and one's share."""
        loop = asyncio.get_running_loop()
        self._last_seen[member] = loop.time()
        joined: asyncio.Future[tuple[int, tuple[int, ...]]] = loop.create_future()
        self._joined[member] = joined
        self.rebalance()
        if set(self._last_seen) == set(self._joined):
            loop.call_later(_GATHERING_SECONDS, self._complete_if_all_joined)
        return await joined

    def leave(self, member: str) -> None:
        """Leave; the others share what is free."""
        if self._last_seen.pop(member, None) is not None:
            self._joined.pop(member, None)
            self.rebalance()
            self._complete_if_all_joined()

    def rebalance(self) -> None:
        """Ask all members to join again."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(REBALANCE_SECONDS, self._complete)

    def heartbeat(self, member: str) -> None:
        """Note that a member lives."""
        if member in self._last_seen:
            self._last_seen[member] = asyncio.get_running_loop().time()

    def must_join(self, member: str, generation: int) -> bool:
        """Say whether a member's assignment holds no more."""
        return self._deadline is not None or member not in self._last_seen or generation != self.generation

    def expire(self) -> None:
        """Put out whose session has run out."""
        now = asyncio.get_running_loop().time()
        for member, seen in list(self._last_seen.items()):
            if now - seen > SESSION_SECONDS and member not in self._joined:
                self.leave(member)

    def _complete_if_all_joined(self) -> None:
        if self._joined and set(self._last_seen) == set(self._joined):
            self._complete()

    def _complete(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
        joined, self._joined = self._joined, {}
        self._last_seen = {m: seen for m, seen in self._last_seen.items() if m in joined}
        self.generation += 1
        self.assignment = dict(zip(sorted(joined), self._shares(len(joined)), strict=True))
        now = asyncio.get_running_loop().time()
        for member, future in joined.items():
            self._last_seen[member] = now
            if not future.done():
                future.set_result((self.generation, self.assignment[member]))

    def _shares(self, members: int) -> list[tuple[int, ...]]:
        """Range: whole runs of partitions, the first members one more where it does not come out even."""
        shares, start = [], 0
        for number in range(members):
            size = self._partitions // members + (number < self._partitions % members)
            shares.append(tuple(range(start, start + size)))
            start += size
        return shares
