"""Measures Motor or PyMongo's AsyncMongoClient: peer.py URI SECONDS FILESIZE motor|pymongo. It prints JSON."""

import asyncio
import datetime
import io
import json
import sys
import time

uri, seconds, file_size, which = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
if which == "motor":
    import motor
    from motor.motor_asyncio import AsyncIOMotorClient as Client
    from motor.motor_asyncio import AsyncIOMotorGridFSBucket as Bucket

    version = motor.version
else:
    import pymongo
    from gridfs import AsyncGridFSBucket as Bucket
    from pymongo import AsyncMongoClient as Client

    version = pymongo.version

document = {
    "name": "somebody or other", "age": 1007, "score": 7 / 3, "active": False, "tags": ["red", "green"],
    "address": {"city": "Berlin", "zip": 10007}, "at": datetime.datetime(2023, 11, 14),
}


async def rate(task, in_flight):
    """Runs a task again and again, in several coroutines. Returns how many there were in a second, and in one of CPU time.

    It uses some seconds of CPU time, so that a busy machine has no smaller sample, but at most ten times as much time.
    """
    count = 0

    async def worker():
        nonlocal count
        while True:
            await task()
            count += 1
            if time.process_time() >= used + seconds or time.perf_counter() >= begin + 10 * seconds:
                return

    begin, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return count / (time.perf_counter() - begin), count / (time.process_time() - used)


async def main():
    client = Client(uri, maxPoolSize=100)
    one, many, bucket = client.d.one, client.d.many, Bucket(client.d)
    data = bytes(file_size)

    async def aggregate():
        cursor = one.aggregate([{"$match": {"_id": 7}}])
        if which != "motor":
            cursor = await cursor
        await cursor.to_list(None)

    async def at_once():
        await asyncio.gather(*(one.find_one({"_id": 7}) for _ in range(10000)))

    async def to_list():
        docs = await many.find({}).to_list(None)
        assert len(docs) == 20000, len(docs)

    async def iterate():
        n = 0
        async for _ in many.find({}):
            n += 1
        assert n == 20000, n

    async def download():
        out = io.BytesIO()
        await bucket.download_to_stream_by_name("f", out)
        assert out.tell() == file_size, out.tell()

    rates, per_cpu = {}, {}

    async def measure(row, count, task, in_flight):
        wall, cpu = await rate(task, in_flight)
        rates[row], per_cpu[row] = count * wall, count * cpu

    await rate(lambda: one.find_one({"_id": 7}), 1)  # connects, and fills caches
    for name, task in (
        ("find_one", lambda: one.find_one({"_id": 7})),
        ("insert_one", lambda: one.insert_one(dict(document))),
        ("update_one", lambda: one.update_one({"_id": 7}, {"$set": {"age": 8}})),
    ):
        for in_flight in (1, 100, 1000):
            await measure("%s, %d in flight" % (name, in_flight), 1, task, in_flight)
    await measure("aggregate, 100 in flight", 1, aggregate, 100)
    for name, count, task in (
        ("10,000 find_one at once", 10000, at_once),
        ("insert_many of 1,000, documents", 1000, lambda: one.insert_many([dict(document) for _ in range(1000)])),
        ("list of 20,000 documents, documents", 20000, to_list),
        ("20,000 one by one, documents", 20000, iterate),
        ("GridFS up, MB", file_size / 1e6, lambda: bucket.upload_from_stream("f", data)),
        ("GridFS down, MB", file_size / 1e6, download),
    ):
        await measure(name, count, task, 1)
    print(json.dumps({"name": "%s %s" % ("Motor" if which == "motor" else "PyMongo Async", version), "rates": rates, "perCPU": per_cpu}))


asyncio.new_event_loop().run_until_complete(main())
