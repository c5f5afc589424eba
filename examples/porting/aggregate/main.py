import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient

ORDERS = [
    {"_id": 1, "customer": "ann", "item": "tea", "total": 12},
    {"_id": 2, "customer": "ben", "item": "cake", "total": 30},
    {"_id": 3, "customer": "ann", "item": "cake", "total": 25},
    {"_id": 4, "customer": "cid", "item": "tea", "total": 4},
]


async def main():
    orders = AsyncIOMotorClient(sys.argv[1]).porting.orders
    await orders.drop()
    await orders.create_index([("customer", 1), ("total", -1)])
    await orders.insert_many(ORDERS)
    pipeline = [
        {"$match": {"total": {"$gte": 5}}},
        {"$group": {"_id": "$customer", "sum": {"$sum": "$total"}}},
        {"$sort": {"sum": -1}},
    ]
    async for row in orders.aggregate(pipeline):
        print(row["_id"], row["sum"])
    best = await orders.find({}, {"item": 1, "_id": 0}).sort("total", -1).to_list(2)
    print("best:", ", ".join(doc["item"] for doc in best))
    cursor = orders.find({"item": "tea"}).sort("_id", 1)
    while await cursor.fetch_next:
        order = cursor.next_object()
        print("order", order["_id"], "of", order["customer"])
    print("customers:", len(await orders.distinct("customer")))
    indexes = await orders.index_information()
    print(sorted(indexes))


asyncio.run(main())
