import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient


async def main():
    users = AsyncIOMotorClient(sys.argv[1]).porting.crud
    await users.drop()
    result = await users.insert_one({"_id": "ann", "visits": 1})
    print("inserted", result.inserted_id)
    result = await users.insert_many([{"_id": "ben", "visits": 0}, {"_id": "cid", "visits": 0}])
    print("inserted", len(result.inserted_ids))
    ann = await users.find_one({"_id": "ann"})
    print("ann has", ann["visits"], "visits")
    result = await users.update_many({"visits": 0}, {"$inc": {"visits": 5}})
    print("matched", result.matched_count, "modified", result.modified_count)
    async for user in users.find({"visits": {"$gt": 2}}).sort("_id"):
        print(user["_id"], user["visits"])
    old = await users.find_one_and_update({"_id": "cid"}, {"$set": {"visits": 9}})
    print("cid had", old["visits"])
    result = await users.delete_one({"_id": "ben"})
    print("deleted", result.deleted_count)
    print("left", await users.count_documents({}))
    if await users.find_one({"_id": "dan"}) is None:
        print("no dan")


asyncio.run(main())
