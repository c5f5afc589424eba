import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import DuplicateKeyError, OperationFailure


class NotFound(Exception):
    pass


async def register(users, name, email):
    try:
        await users.insert_one({"_id": name, "email": email})
        print("registered", name)
    except DuplicateKeyError as e:
        print(name, "is taken, code", e.code)
    finally:
        print("done with", name)


async def email(users, name):
    user = await users.find_one({"_id": name})
    if user is None:
        raise NotFound("no user " + name)
    return user["email"]


async def main():
    users = AsyncIOMotorClient(sys.argv[1]).porting.errors
    await users.drop()
    for name in ["ann", "ben", "ann"]:
        await register(users, name, name + "@example.com")
    try:
        print(await email(users, "ben"))
        print(await email(users, "cid"))
    except NotFound as e:
        print("error:", e)
    try:
        async for user in users.find({"$nonsense": 1}):
            print(user["_id"])
    except OperationFailure:
        print("the query failed")


asyncio.run(main())
