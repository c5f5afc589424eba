# needs Motor 1.1: gen.engine, gen.Task and motor.Op
import sys

import motor
from tornado import gen
from tornado.ioloop import IOLoop

loop = IOLoop.current()
coll = motor.MotorClient(sys.argv[1]).porting.gen_engine


def fetch(name, callback):
    loop.add_callback(callback, name.upper())


@gen.engine
def save(name, callback):
    title = yield gen.Task(fetch, name)
    yield motor.Op(coll.save, {"_id": name, "title": title})
    callback(title)


@gen.engine
def main():
    yield motor.Op(coll.drop)
    for name in ["ann", "ben"]:
        title = yield gen.Task(save, name)
        print("saved", title)
    n, doc = yield [motor.Op(coll.count), motor.Op(coll.find_one, {"_id": "ben"})]
    print(n, doc["title"])
    try:
        yield motor.Op(coll.insert, {"_id": "ann"})
    except motor.pymongo.errors.DuplicateKeyError:
        print("ann is there")
    result = yield motor.Op(coll.update, {}, {"$set": {"seen": True}}, multi=True)
    print("updated", result["n"])
    yield motor.Op(coll.remove, {"_id": "ann"})
    cursor = coll.find()
    while (yield cursor.fetch_next):
        print("left", cursor.next_object()["_id"])
    loop.stop()


loop.add_callback(main)
loop.start()
