import asyncio
import datetime
import sys

from bson import SON, Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from motor.motor_asyncio import AsyncIOMotorClient

VALUES = [
    None, True, False, 7, -1, Int64(2**40), 1.0, 0.5, -2.25, 1e16, 1.5e300, 123456789012345.0, 0.0001, 0.00001, 1e22,
    float("inf"), float("-inf"), float("nan"), "text", "it's", 'a "quote"', "both ' and \"", "line\nbreak\ttab\\",
    "caf\u00e9 \u4e16\u754c \U0001f600 \x01\x7f\u200b\u00a0", b"bytes\x00\xff'", Binary(b"x", 128),
    datetime.datetime(2024, 2, 29, 12, 30), datetime.datetime(2024, 1, 2, 3, 4, 5),
    datetime.datetime(2024, 1, 2, 3, 4, 0, 6000), ObjectId("0123456789abcdef01234567"), Decimal128("1.50"),
    Timestamp(1, 2), Regex("a+", 10), Regex("b"), Code("f()"), MinKey(), MaxKey(), DBRef("c", 1), [], {},
    [1, [2, {"a": [3]}]], {"z": 1, "a": {"y": 2, "b": 3}},
]


async def main():
    coll = AsyncIOMotorClient(sys.argv[1]).porting.reprs
    await coll.drop()
    for value in VALUES:
        print({"value": value})
    await coll.insert_one(SON([("_id", 1), ("list", [1.0, "two", None]), ("at", VALUES[26]), ("id", VALUES[29])]))
    print(await coll.find_one())
    doc = SON([("z", 1), ("a", 2)])
    doc["z"] = 3
    doc["b"] = 4
    print(dict(doc), doc.get("a"), doc.get("c"))


asyncio.run(main())
