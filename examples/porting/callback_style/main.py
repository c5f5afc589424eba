# needs Motor 1.x: callbacks
import sys

from motor import MotorClient
from tornado.ioloop import IOLoop

loop = IOLoop.current()
coll = MotorClient(sys.argv[1]).porting.callback_style


def dropped(result, error):
    if error:
        raise error
    coll.insert([{"_id": i} for i in range(5)], callback=inserted)


def inserted(result, error):
    if error:
        raise error
    print("inserted", result)
    coll.find({"_id": {"$gte": 3}}).sort("_id", -1).each(callback=each)


def each(doc, error):
    if error:
        raise error
    elif doc:
        print("doc", doc["_id"])
    else:
        coll.find_one({"_id": 7}, callback=found)


def found(doc, error):
    print("none" if doc is None else doc["_id"])
    coll.insert({"_id": 1}, callback=inserted_again)


def inserted_again(result, error):
    print("error:", type(error).__name__)
    coll.find().sort("_id").to_list(length=2, callback=listed)


def listed(docs, error):
    print("list", [doc["_id"] for doc in docs])
    loop.stop()


coll.drop(callback=dropped)
loop.start()
