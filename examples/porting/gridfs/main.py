import asyncio
import sys

from bson import SON
from gridfs.errors import NoFile
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket


async def main():
    db = AsyncIOMotorClient(sys.argv[1]).porting_gridfs
    bucket = AsyncIOMotorGridFSBucket(db, bucket_name="files")
    await db.drop_collection("files.files")
    await db.drop_collection("files.chunks")
    await bucket.upload_from_stream("a.txt", b"hello, ", metadata=SON([("z", 1), ("a", 2)]))
    async with bucket.open_upload_stream("a.txt") as grid_in:
        await grid_in.write(b"hello, ")
        await grid_in.write(b"world")
    out = await bucket.open_download_stream_by_name("a.txt")
    print(out.filename, out.length, (await out.read()).decode())
    out = await bucket.open_download_stream_by_name("a.txt", revision=0)
    print(out.length, list(out.metadata))
    async for f in bucket.find().sort("length", -1):
        print(f.filename, f.length)
    await bucket.delete(out._id)
    try:
        await bucket.open_download_stream(out._id)
    except NoFile:
        print("no such file")


asyncio.run(main())
