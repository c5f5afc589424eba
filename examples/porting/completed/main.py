import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient


async def later(coll, n, delay):
    await asyncio.sleep(delay)
    await coll.insert_one({"_id": n})
    return n


async def main():
    coll = AsyncIOMotorClient(sys.argv[1]).porting.completed
    await coll.drop()
    tasks = [later(coll, n, delay) for n, delay in [(1, 0.2), (2, 0.0), (3, 0.1)]]
    for task in asyncio.as_completed(tasks):
        print("completed", await task)
    fast = asyncio.create_task(later(coll, 4, 0))
    slow = asyncio.create_task(later(coll, 5, 60))
    done, pending = await asyncio.wait([fast, slow], return_when=asyncio.FIRST_COMPLETED)
    print(len(done), "done,", len(pending), "pending")
    done, pending = await asyncio.wait([slow], timeout=0.01)
    print(len(done), "done,", len(pending), "pending")
    slow.cancel()
    try:
        await asyncio.shield(slow)
    except asyncio.CancelledError:
        print("cancelled:", "yes" if slow.cancelled() else "no")
    fast.add_done_callback(lambda f: print("callback", f.result()))
    await asyncio.sleep(0.01)
    print("inserted", await coll.count_documents({}))


asyncio.run(main())
