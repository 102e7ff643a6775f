"""Who holds the partitions of an app: taking over and giving up, in the order that the effects rest on.

It knows nothing of Faust: the app that Faust drives is one, and so is the one of the simulation (``tests/replay``).
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol


class Owner(Protocol):
    """What holds one owned partition."""

    generation: int | None

    async def open(self) -> None:
        """Fence the former owner and read what it left."""

    async def put(self, event: Any) -> None:
        """Take a batch to be worked on."""

    def resume(self, generation: int) -> None:
        """Begin under an assignment; what waited from before it is dropped, for it comes again."""

    async def let_go(self) -> None:
        """Begin nothing new and finish what is begun."""

    async def close(self) -> None:
        """Give the partition up."""

    def tell(self) -> None:
        """Say in the log what was done lately."""


class Owners:
    """The owners of an app's partitions, between assignments."""

    owners: dict[int, Owner]

    def new_owner(self, partition: int) -> Owner:
        """Return what is to hold a partition."""
        raise NotImplementedError

    async def hand_over(self, event: Any) -> None:
        """Give a batch to the owner of its partition, unless it is from before a rebalance: then it comes again."""
        owner = self.owners.get(event.message.partition)
        if owner is not None and owner.generation == event.message.generation_id:
            await owner.put(event)

    async def let_go(self) -> None:
        """Have every owner finish what is begun."""
        for owner in self.owners.values():
            await owner.let_go()

    async def give_up(self) -> None:
        """Finish what is begun and close every owner: a planned stop."""
        await self.let_go()
        for partition in sorted(self.owners):
            await self.owners.pop(partition).close()

    async def take_over(self, partitions: Iterable[int], generation: int) -> None:
        """Give up what is no longer ours, open what is new, and begin under the new assignment."""
        ours = set(partitions)
        for partition in sorted(set(self.owners) - ours):
            await self.owners.pop(partition).close()
        new = {partition: self.new_owner(partition) for partition in sorted(ours - set(self.owners))}
        await asyncio.gather(*(owner.open() for owner in new.values()))
        self.owners |= new
        for owner in self.owners.values():
            owner.resume(generation)
