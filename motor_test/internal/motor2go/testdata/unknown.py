from motor.motor_asyncio import AsyncIOMotorClient


async def known(db):
    await db.users.insert_onee({"_id": 1})
    await db.users.find_one_or_404({"_id": 1})
    cursor = db.users.find()
    cursor.frobnicate()
    await db.users.find({}).sort("a").fetch()


async def unresolved(something):
    await something.users.insert_one({"_id": 1})
    docs = await something.find({}).to_list(None)
    something.close()
    return docs


async def main():
    await known(AsyncIOMotorClient().test)
