"""Many questions to servers that do whatever comes to their minds, in virtual time: all end, and nothing is left."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from escaper.network import Records, elapsed, run_virtually
from g3_escape import Family
from g3proxyd.config.resolver import HickoryConfig
from g3proxyd.log.logger import Logger
from g3proxyd.resolver.base import Answer
from g3proxyd.resolver.errors import ResolveError
from g3proxyd.resolver.hickory.resolver import HickoryResolver
from resolver.dns_server import Asked, Speak, record, reply, serving
from resolver.hickory.servers import Parts, address_of

QUESTIONS = 300


def moody(draw: random.Random) -> Speak:
    """A server that answers, and much else."""

    def speak(asked: Asked) -> Sequence[bytes]:
        answer = reply(asked, record(asked.name, "192.0.2.1"))
        moods: list[list[bytes]] = [
            [answer],
            [answer, answer],
            [],
            [reply(asked, truncated=True)],
            [reply(asked, rcode=draw.choice([1, 2, 3, 4, 5, 9]))],
            [reply(asked, record(asked.name, f"{draw.randrange(3)}.test"))],
            [draw.randbytes(draw.randrange(60))],
            [reply(asked, record(asked.name, "192.0.2.66"), message_id=asked.id ^ 1)] * draw.randrange(20),
            [answer[: draw.randrange(len(answer))]],
            [reply(asked, draw.randbytes(30))],
        ]
        return draw.choice(moods)

    return speak


@pytest.mark.parametrize("seed", range(6))
def test_everything_ends(seed: int) -> None:
    draw = random.Random(seed)

    async def main() -> None:
        async with serving(moody(draw)) as server:
            with Parts() as parts:
                where = address_of(server)
                config = HickoryConfig.model_validate(
                    {
                        "name": "dns",
                        "server": [str(where.host), "127.0.0.99"],
                        "server_port": where.port,
                        "graceful_stop_wait": draw.choice([0, 1, 60]),
                        "negative_min_ttl": 1,
                    }
                )
                resolver = HickoryResolver(config, Logger("Resolve", Records()), parts.poller, parts.wheel)
                asked = [asyncio.ensure_future(ask(resolver, draw)) for _ in range(QUESTIONS)]
                for task in draw.sample(asked, QUESTIONS // 5):
                    asyncio.get_running_loop().call_later(draw.random() * 8, task.cancel)
                await asyncio.sleep(draw.random() * 12)
                await resolver.close()
                outcomes = await asyncio.gather(*asked, return_exceptions=True)
                assert elapsed() < 80
                for outcome in outcomes:
                    assert isinstance(outcome, Answer | ResolveError | asyncio.CancelledError), outcome
                    if isinstance(outcome, Answer):
                        assert {str(address) for address in outcome.addresses} <= {"192.0.2.1"}
                assert not resolver._tasks

    run_virtually(main)


async def ask(resolver: HickoryResolver, draw: random.Random) -> Answer:
    await asyncio.sleep(draw.random() * 10)
    return await resolver.resolve(f"{draw.randrange(60)}.test", Family.IPV4)
