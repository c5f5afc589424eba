import asyncio

import motor.motor_asyncio as aio


async def watch(collection, token=None):
    stream = collection.watch([{"$match": {"operationType": "insert"}}], full_document="updateLookup", resume_after=token)
    async with stream:
        async for change in stream:
            print(change["fullDocument"])
            token = stream.resume_token
            if change["operationType"] == "invalidate":
                break
    while stream.alive:
        change = await stream.try_next()
        if change is not None:
            print(change)
    return token


client = aio.AsyncIOMotorClient()
loop = asyncio.get_event_loop()
loop.run_until_complete(watch(client.app.things))
