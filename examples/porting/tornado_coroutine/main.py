import sys

from motor.motor_tornado import MotorClient
from tornado import gen, ioloop


@gen.coroutine
def insert(coll, docs):
    for doc in docs:
        yield coll.insert_one(doc)
    raise gen.Return(len(docs))


@gen.coroutine
def main():
    coll = MotorClient(sys.argv[1]).porting.tornado_coroutine
    yield coll.drop()
    n = yield insert(coll, [{"_id": i, "even": i % 2 == 0} for i in range(4)])
    print("inserted", n)
    even, odd = yield [coll.count_documents({"even": True}), coll.count_documents({"even": False})]
    print(even, "even,", odd, "odd")
    cursor = coll.find({"even": True}).sort("_id", -1)
    while (yield cursor.fetch_next):
        print(cursor.next_object()["_id"])
    yield gen.sleep(0.001)
    try:
        yield gen.with_timeout(ioloop.IOLoop.current().time() + 0.01, gen.sleep(60))
    except gen.TimeoutError:
        print("timeout")
    docs = yield {"first": coll.find_one({"_id": 0}), "last": coll.find_one({"_id": 3})}
    print(docs["first"]["_id"], docs["last"]["_id"])
    try:
        yield coll.insert_one({"_id": 0})
    except Exception as e:
        print(type(e).__name__)


ioloop.IOLoop.current().run_sync(main)
