from motor.motor_tornado import MotorClient
from tornado.ioloop import IOLoop


async def run():
    coll = MotorClient().test.bulk
    bulk = coll.initialize_ordered_bulk_op()
    bulk.insert({"_id": 1})
    bulk.find({"_id": 1}).update({"$set": {"a": 1}})
    bulk.find({"_id": 2}).upsert().replace_one({"b": 2})
    bulk.find({"_id": 3}).remove_one()
    result = await bulk.execute({"w": 1})
    print(result["nInserted"], result["nModified"])


IOLoop.current().run_sync(run)
