import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient


async def work(coll, started):
    await coll.insert_one({"_id": "lock"})
    started.set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("cancelled")
        raise
    finally:
        await coll.delete_one({"_id": "lock"})
        print("released the lock")


async def main():
    coll = AsyncIOMotorClient(sys.argv[1]).porting.cancel
    await coll.drop()
    started = asyncio.Event()
    task = asyncio.create_task(work(coll, started))
    await started.wait()
    print("locks:", await coll.count_documents({}))
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("the task has ended")
    print("locks:", await coll.count_documents({}))
    never = asyncio.create_task(work(coll, started))
    never.cancel()
    await asyncio.gather(never, return_exceptions=True)
    print("locks:", await coll.count_documents({}))


asyncio.run(main())
