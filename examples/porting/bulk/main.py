import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError


async def main():
    coll = AsyncIOMotorClient(sys.argv[1]).porting.bulk
    await coll.drop()
    result = await coll.bulk_write([
        InsertOne({"_id": 1, "n": 1}),
        InsertOne({"_id": 2, "n": 2}),
        UpdateMany({}, {"$inc": {"n": 10}}),
        UpdateOne({"_id": 3}, {"$set": {"n": 3}}, upsert=True),
        ReplaceOne({"_id": 2}, {"n": 0}),
        DeleteOne({"_id": 1}),
    ])
    print(result.inserted_count, result.modified_count, result.upserted_count, result.deleted_count)
    try:
        await coll.bulk_write([InsertOne({"_id": n}) for n in (3, 4, 3)], ordered=False)
    except BulkWriteError as e:
        print("inserted", e.details["nInserted"])
        for error in e.details["writeErrors"]:
            print("write", error["index"], "failed with code", error["code"])
    async for doc in coll.find().sort("_id"):
        print(doc["_id"], len(doc))


asyncio.run(main())
