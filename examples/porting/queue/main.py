import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient


async def produce(queue, n):
    for i in range(n):
        await queue.put(i)
    await queue.put(None)


async def consume(queue, coll):
    while True:
        item = await queue.get()
        if item is None:
            break
        await coll.insert_one({"_id": item, "square": item * item})
        queue.task_done()
    print("the consumer is done")


async def main():
    coll = AsyncIOMotorClient(sys.argv[1]).porting.queue
    await coll.drop()
    queue = asyncio.Queue(maxsize=2)
    await asyncio.gather(produce(queue, 5), consume(queue, coll))
    async for doc in coll.find().sort("_id", -1).limit(3):
        print(doc["_id"], doc["square"])
    try:
        queue.get_nowait()
    except asyncio.QueueEmpty:
        print("the queue is empty")


asyncio.run(main())
