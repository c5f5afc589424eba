import motor
from tornado import gen

db = motor.MotorReplicaSetClient("mongodb://localhost/?replicaSet=rs").test


@gen.engine
def do_work(callback):
    collection = db.things
    yield motor.Op(collection.insert, {"_id": 1})
    document = yield motor.Op(collection.find_one, {"_id": 1})
    cursor = collection.find({"i": {"$lt": 5}})
    while (yield cursor.fetch_next):
        doc = cursor.next_object()
        print(doc)
    yield [motor.Op(collection.remove, {"_id": 1}), motor.Op(collection.remove, {"_id": 2})]
    arguments = yield gen.Task(other, 1)
    collection.insert({"_id": 3}, callback=(yield gen.Callback("key")))
    yield motor.WaitOp("key")
    callback(document, None)


def other(n, callback):
    callback(n + 1)
