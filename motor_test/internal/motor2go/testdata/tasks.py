import asyncio

from motor.motor_asyncio import AsyncIOMotorClient

users = AsyncIOMotorClient().app.users
lock = asyncio.Lock()


async def load(name):
    async with lock:
        return await users.find_one({"_id": name})


async def main():
    ann, ben = await asyncio.gather(load("ann"), load("ben"))
    docs = await asyncio.gather(users.find_one({"_id": 1}), users.find_one({"_id": 2}), return_exceptions=True)
    pending = [asyncio.create_task(load(str(n))) for n in range(3)]
    for task in asyncio.as_completed(pending):
        print(await task)
    done, rest = await asyncio.wait(pending)
    doc = await asyncio.wait_for(users.find_one({"_id": 1}), 0.5)
    doc = await asyncio.shield(users.find_one({"_id": 1}))
    future = users.find_one({"_id": 3})
    print(ann, ben, docs, done, rest, doc, await future)
    queue = asyncio.Queue()
    await queue.put(1)
    print(await queue.get(), queue.qsize())
    asyncio.frob()


asyncio.run(main())
