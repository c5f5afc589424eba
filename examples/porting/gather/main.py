import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient


async def count(coll, kind):
    n = await coll.count_documents({"kind": kind})
    if n == 0:
        raise ValueError("no " + kind)
    return n


async def slow():
    try:
        await asyncio.sleep(60)
    finally:
        print("slow was cancelled")


async def main():
    coll = AsyncIOMotorClient(sys.argv[1]).porting.gather
    await coll.drop()
    await asyncio.gather(*[coll.insert_one({"_id": i, "kind": k}) for i, k in enumerate(["tea", "tea", "cake"])])
    tea, cake = await asyncio.gather(count(coll, "tea"), count(coll, "cake"))
    print(tea, "tea,", cake, "cake")
    results = await asyncio.gather(count(coll, "tea"), count(coll, "jam"), return_exceptions=True)
    print("result:", results[0])
    print("result:", results[1])
    n, first = await asyncio.gather(coll.count_documents({}), coll.find_one({"_id": 0}))
    print(n, first["kind"])
    try:
        await asyncio.wait_for(slow(), 0.05)
    except asyncio.TimeoutError:
        print("too slow")
    task = asyncio.create_task(count(coll, "cake"))
    print("the task gives", await task)
    try:
        await asyncio.gather(count(coll, "tea"), count(coll, "jam"))
    except ValueError as e:
        print("error:", e)


asyncio.run(main())
