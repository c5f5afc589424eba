"""Measures Motor or PyMongo's AsyncMongoClient: peer.py URI SECONDS motor|pymongo. It prints JSON."""

import asyncio
import datetime
import json
import sys
import time

uri, seconds, which = sys.argv[1], float(sys.argv[2]), sys.argv[3]
if which == "motor":
    import motor
    from motor.motor_asyncio import AsyncIOMotorClient as Client

    version = motor.version
else:
    import pymongo
    from pymongo import AsyncMongoClient as Client

    version = pymongo.version

document = {
    "name": "somebody or other", "age": 1007, "score": 7 / 3, "active": False, "tags": ["red", "green"],
    "address": {"city": "Berlin", "zip": 10007}, "at": datetime.datetime(2023, 11, 14),
}


async def rate(task, in_flight):
    """Runs a task again and again, in several coroutines, and returns how many there were in a second."""
    count, end = 0, time.perf_counter() + seconds

    async def worker():
        nonlocal count
        while time.perf_counter() < end:
            await task()
            count += 1

    begin = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return count / (time.perf_counter() - begin)


async def main():
    client = Client(uri, maxPoolSize=100)
    one, many = client.d.one, client.d.many

    async def to_list():
        docs = await many.find({}).to_list(None)
        assert len(docs) == 20000, len(docs)

    async def iterate():
        n = 0
        async for _ in many.find({}):
            n += 1
        assert n == 20000, n

    rates = {}
    for in_flight in (1, 100, 1000):
        for name, task in (
            ("find_one", lambda: one.find_one({"_id": 7})),
            ("insert_one", lambda: one.insert_one(dict(document))),
            ("update_one", lambda: one.update_one({"_id": 7}, {"$set": {"age": 8}})),
        ):
            rates["%s, %d in flight" % (name, in_flight)] = await rate(task, in_flight)
    rates["list of 20,000 documents, documents"] = 20000 * await rate(to_list, 1)
    rates["20,000 one by one, documents"] = 20000 * await rate(iterate, 1)
    print(json.dumps({"name": "%s %s" % ("Motor" if which == "motor" else "PyMongo Async", version), "rates": rates}))


asyncio.new_event_loop().run_until_complete(main())
