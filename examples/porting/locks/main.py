import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient


async def add(coll, lock, n):
    async with lock:
        doc = await coll.find_one({"_id": "sum"})
        await asyncio.sleep(0.001)
        await coll.update_one({"_id": "sum"}, {"$set": {"n": doc["n"] + n}})


async def limited(semaphore, running, peak):
    async with semaphore:
        running.append(1)
        peak.append(len(running))
        await asyncio.sleep(0.001)
        running.pop()


async def main():
    coll = AsyncIOMotorClient(sys.argv[1]).porting.locks
    await coll.drop()
    await coll.insert_one({"_id": "sum", "n": 0})
    lock = asyncio.Lock()
    await asyncio.gather(*[add(coll, lock, n) for n in range(1, 11)])
    doc = await coll.find_one({"_id": "sum"})
    print("the sum is", doc["n"])
    semaphore, running, peak = asyncio.Semaphore(2), [], []
    await asyncio.gather(*[limited(semaphore, running, peak) for _ in range(6)])
    print("at most", max(peak), "at a time")


asyncio.run(main())
