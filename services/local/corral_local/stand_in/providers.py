"""The stand-ins: an Overpass that answers queries, and a Google that wants a key."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from corral_local.stand_in.elements import answer_to
from corral_local.stand_in.http_server import StandInAnswer, StandInRequest
from corral_local.stand_in.judge import Allowance, Judge
from corral_local.stand_in.mood import Mood, Moods, moody

OVERPASS = Allowance(slots=2, per_second=10, per_day=10_000)
GOOGLE = Allowance(per_second=50)
KEY_HEADER = "x-goog-api-key"
JSON = {"Content-Type": "application/json"}
REMARK = "runtime error: open64: 0 Success /osm3s_db_dispatcher Dispatcher_Client::request_read_and_idx::rate_limited"
TOO_MUCH = 'runtime error: Query timed out in "query" at line 1 after 26 seconds.'


class StandIns:
    """Both, behind one address: /overpass/api/interpreter, /google/..., and /counts and /moods for whoever judges."""

    def __init__(
        self,
        *,
        key: str = "",
        seconds: float = 0.05,
        overpass: Allowance = OVERPASS,
        google: Allowance = GOOGLE,
    ) -> None:
        """`key` is what Google wants; an answer takes `seconds`."""
        self._key = key
        self._seconds = seconds
        self.judges = {"overpass": Judge(overpass), "google": Judge(google)}
        self.moods = {name: Moods() for name in self.judges}

    async def respond(self, request: StandInRequest) -> StandInAnswer:
        """StandInAnswer a request."""
        name = request.path.strip("/").partition("/")[0]
        if name == "counts":
            return StandInAnswer(
                200, json.dumps({one: judge.told() for one, judge in self.judges.items()}).encode(), JSON
            )
        if name == "moods":
            for one, moods in json.loads(request.body).items():
                self.moods[one].follow(map(Mood, moods))
            return StandInAnswer(204)
        if name == "overpass":
            return await self._judged(name, request, self._overpass)
        if name == "google":
            return await self._judged(name, request, self._google)
        return StandInAnswer(404)

    async def _judged(
        self,
        name: str,
        request: StandInRequest,
        respond: Callable[[StandInRequest], Awaitable[StandInAnswer]],
    ) -> StandInAnswer:
        judge = self.judges[name]
        rule = judge.arrives(request.came)
        try:
            answer = await respond(request) if rule is None else _refusal(rule)
            judge.counts[str(answer.status)] += 1
            judge.sent_bytes += len(answer.body)
            return answer
        finally:
            judge.leaves()

    async def _overpass(self, request: StandInRequest) -> StandInAnswer:
        await asyncio.sleep(self._seconds)
        mood = self.moods["overpass"].take()
        [query] = parse_qs(request.body.decode()).get("data", [""])
        good = StandInAnswer(200, answer_to(query), JSON)
        return await moody(mood, good, _remark(REMARK), _remark(TOO_MUCH))

    async def _google(self, request: StandInRequest) -> StandInAnswer:
        if self._key and request.headers.get(KEY_HEADER) != self._key:
            self.judges["google"].violations["key"] += 1
            return StandInAnswer(403, b'{"error": {"code": 403, "message": "API key not valid"}}', JSON)
        await asyncio.sleep(self._seconds)
        good = StandInAnswer(200, json.dumps({"path": request.path, "query": request.query}).encode(), JSON)
        bad = b'{"error": {"code": 500}}'
        return await moody(self.moods["google"].take(), good, bad, bad)


def _refusal(rule: str) -> StandInAnswer:
    return StandInAnswer(429, f"too many requests: {rule}".encode(), {"Retry-After": "2"})


def _remark(text: str) -> bytes:
    return json.dumps({"version": 0.6, "elements": [], "remark": text}).encode()
