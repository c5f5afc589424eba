import asyncio

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern


async def transfer(client, source, target, amount):
    accounts = client.bank.accounts
    async with await client.start_session() as session:
        async with session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")):
            await accounts.update_one({"_id": source}, {"$inc": {"balance": -amount}}, session=session)
            await accounts.update_one({"_id": target}, {"$inc": {"balance": amount}}, session=session)


async def by_callback(client):
    async def callback(session):
        await client.bank.accounts.insert_one({"_id": "c"}, session=session)

    async with await client.start_session() as s:
        await s.with_transaction(callback)


async def by_hand(client):
    s = await client.start_session(causal_consistency=True)
    s.start_transaction()
    try:
        await client.bank.accounts.delete_one({"_id": "c"}, session=s)
        await s.commit_transaction()
    except Exception:
        await s.abort_transaction()
        raise
    finally:
        await s.end_session()


asyncio.run(transfer(AsyncIOMotorClient(), "a", "b", 10))
