import motor.motor_asyncio
from pymongo import ASCENDING, DESCENDING, ReturnDocument

client = motor.motor_asyncio.AsyncIOMotorClient("mongodb://localhost/?w=1", maxPoolSize=20, appname="keywords")
users = client["app"]["users"]


async def main():
    await users.create_index([("name", ASCENDING), ("age", DESCENDING)], unique=True, name="by_name", expireAfterSeconds=3600)
    await users.update_one({"_id": 1}, {"$set": {"a.$[e]": 2}}, upsert=True, array_filters=[{"e": {"$gt": 1}}])
    user = await users.find_one({"_id": 1}, {"name": 1}, sort=[("age", -1)], max_time_ms=500)
    user = await users.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}, return_document=ReturnDocument.AFTER, projection=["n"])
    cursor = users.find({"age": {"$gt": 30}}, projection={"_id": False}, sort=[("age", -1)], limit=10, batch_size=5, no_cursor_timeout=True)
    cursor = users.find(None, {"name": 1}, 5, 10)
    docs = await cursor.to_list(length=100)
    n = await users.count_documents({}, limit=5, skip=1)
    names = await users.distinct("name", {"age": 30})
    await users.insert_many([{"n": i} for i in range(3)], ordered=False, bypass_document_validation=True)
    cursor = users.aggregate([{"$match": {"n": 1}}, {"$group": {"_id": "$a"}}], allowDiskUse=True, batchSize=10)
    await users.delete_many({}, collation={"locale": "de"}, comment="clean")
    print(user["n"], docs, n, names)
