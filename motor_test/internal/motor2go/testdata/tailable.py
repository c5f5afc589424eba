import asyncio

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import CursorType


async def tail(db):
    cursor = db.log.find({"level": "error"}, cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(500)
    while cursor.alive:
        async for record in cursor:
            print(record["text"])
        await asyncio.sleep(1)


async def first(db):
    cursor = db.log.find().sort("$natural", -1)
    newest = cursor[0:3]
    one = await cursor.next()
    await cursor.close()
    return newest, one


async def main():
    db = AsyncIOMotorClient().app
    task = asyncio.create_task(tail(db))
    try:
        await asyncio.wait_for(first(db), timeout=2.5)
    except asyncio.TimeoutError:
        task.cancel()


asyncio.run(main())
