# style: future
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError


class NotFound(Exception):
    pass


class Repository:
    def __init__(self, db: AsyncIOMotorDatabase):
        self._db = db
        self.users: AsyncIOMotorCollection = db.users

    async def add(self, name: str):
        try:
            await self.users.insert_one({"_id": name})
        except DuplicateKeyError as e:
            print(name, e.code, e.details)
            return False
        except PyMongoError:
            raise
        return True

    async def get(self, name: str):
        user = await self.users.find_one({"_id": name})
        if user is None:
            raise NotFound(name)
        return user

    async def page(self, number, size=20):
        cursor = self.users.find({}).sort("_id", 1).skip(number * size).limit(size)
        return [user async for user in cursor]

    async def rename(self, old, new):
        user = await self.get(old)
        user["_id"] = new
        await self.add(new)
        await self._db.log.insert_one({"old": old, "new": new})


async def main():
    repository = Repository(AsyncIOMotorClient().app)
    await repository.add("ann")
    try:
        await repository.get("ben")
    except NotFound:
        print("no ben")
    finally:
        print("done")
