"""asyncio: tasks, a queue between producers and consumers, tasks that wait while memory is looked at."""
import asyncio

import moments


async def produce(queue, number):
    for item in range(200):
        await queue.put({"from": number, "item": item, "body": bytes(100 + item % 5)})
        if item % 50 == 0:
            await asyncio.sleep(0)
    await queue.put(None)


async def consume(queue, kept):
    while True:
        item = await queue.get()
        if item is None:
            return
        kept.append(item)


async def wait_with_memory(gate, number):
    held = ["text %d %d" % (number, piece) for piece in range(30)]
    await gate.wait()
    return held


async def ticks(count):
    for number in range(count):
        yield [number] * 20
        await asyncio.sleep(0)


async def main():
    moments.begin()
    queue, kept, gate = asyncio.Queue(50), [], asyncio.Event()
    makers = [asyncio.ensure_future(produce(queue, number)) for number in range(4)]
    await asyncio.gather(*[consume(queue, kept) for _ in range(4)])
    waiting = [asyncio.ensure_future(wait_with_memory(gate, number)) for number in range(60)]
    listed = [tick async for tick in ticks(300)]
    moments.take("waiting")
    gate.set()
    results = await asyncio.gather(*waiting)
    moments.take("done")
    return kept, makers, listed, results


asyncio.run(main())
