"""The pop that goes out while a claim is under way, so that its jobs are there when the claim is answered (rule 9)."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress

from corral.dispatch import Ack, Budget, Pop, Popped, Return
from corral.dispatch.rings import Turn
from corral.errors import Unavailable
from corral_worker.claiming.claiming import Acks
from corral_worker.claiming.group_claiming import shared
from corral_worker.claiming.lane_order import LaneOrder
from corral_worker.claiming.turn_answers import TurnAnswers


class PopAhead:
    """One pop beside a claim. What of it finds no slot after the claim goes back, to where it was, at once."""

    def __init__(self, answers: Acks, turn_answers: TurnAnswers, lane_order: LaneOrder) -> None:
        self._answers = answers
        self._turn_answers = turn_answers
        self._lane_order = lane_order
        self.under_way: asyncio.Task[Pop] | None = None
        """What was popped beside the last claim, until it is taken or given back."""

    def send(self, pop: Coroutine[None, None, Pop]) -> None:
        """Let this pop run beside the claim; there is no other."""
        self.under_way = asyncio.get_running_loop().create_task(pop, name="pop ahead")

    async def taken(self, budgets: Sequence[Budget], room: int) -> Pop | None:
        """What was popped, as far as there is room for it; None if nothing.

        Raises:
            Unavailable: Redis is away.
        """
        task, self.under_way = self.under_way, None
        if task is None:
            return None
        pop = await task
        count = fitting(pop.popped, budgets, room)
        if count < len(pop.popped):
            await self._answers.add([Ack(one.lane, one.id, Return(front=True)) for one in pop.popped[count:]])
        turns = await self.fitting(pop.turns, pop.popped[:count], budgets, room)
        if count or turns:
            return pop._replace(popped=pop.popped[:count], turns=turns)
        self._lane_order.again()
        return None

    async def fitting(
        self, turns: Sequence[Turn], popped: Sequence[Popped], budgets: Sequence[Budget], room: int
    ) -> Sequence[Turn]:
        """Those of these turns that there is room for beside what was popped; the others are left to whoever has room."""
        turns, late = fitting_turns(turns, popped, budgets, room)
        if late:
            await self._turn_answers.give_back(late)
        return turns

    async def give_back(self) -> None:
        """Leave everything that was popped to others: the worker may claim nothing now."""
        with suppress(Unavailable):  # it comes back by the sweep
            await self.taken((), 0)
        await self._turn_answers.flush()


def fitting(popped: Sequence[Popped], budgets: Sequence[Budget], room: int) -> int:
    """How many of these, from the first, there is room for in the budgets that bind their queues."""
    rooms = [budget.room for budget in budgets]
    bound: dict[str, list[int]] = {}
    for count, entry in enumerate(popped[:room]):
        queue = entry.lane.queue
        if queue not in bound:
            bound[queue] = [at for at, budget in enumerate(budgets) if queue in budget.queues]
        if not all(rooms[at] > 0 for at in bound[queue]):
            return count
        for at in bound[queue]:
            rooms[at] -= 1
    return min(len(popped), room)


def fitting_turns(
    turns: Sequence[Turn], popped: Sequence[Popped], budgets: Sequence[Budget], room: int
) -> tuple[list[Turn], list[Turn]]:
    """Turns as far as there is room for them beside these jobs: a share of it for each; and those without any."""
    if not turns:
        return [], []
    rooms = [budget.room - sum(one.lane.queue in budget.queues for one in popped) for budget in budgets]
    room -= len(popped)
    fits, late = [], []
    for turn, share in zip(turns, shared(turns, min(room, sum(rooms))), strict=True):
        bound = [at for at, budget in enumerate(budgets) if turn.lane.queue in budget.queues]
        take = min([share.take, room, *(rooms[at] for at in bound)])
        if take <= 0:
            late.append(turn)
            continue
        fits.append(turn._replace(take=take))
        room -= take
        for at in bound:
            rooms[at] -= take
    return fits, late
