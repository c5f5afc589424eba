# style: future
import asyncio
from bson import SON
from motor.motor_asyncio import AsyncIOMotorClient


async def report(uri):
    client = AsyncIOMotorClient(uri, serverSelectionTimeoutMS=5000)
    info = await client.server_info()
    print("version", info["version"])
    for name in await client.list_database_names():
        db = client[name]
        stats = await db.command("dbstats", scale=1024)
        print(f"{name}: {stats['dataSize']} KiB in {stats['collections']} collections")
        for collection_name in await db.list_collection_names(filter={"type": "collection"}):
            coll = db.get_collection(collection_name)
            print(collection_name, await coll.estimated_document_count(), await coll.index_information())
    await client.admin.command(SON([("setParameter", 1), ("quiet", True)]))
    await client.drop_database("old")
    await client.app.create_collection("log", capped=True, size=4096)
    print(client.address, client.is_primary, client.max_pool_size)
    client.close()


if __name__ == "__main__":
    asyncio.run(report("mongodb://localhost"))
