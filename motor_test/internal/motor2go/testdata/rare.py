# style: future
from motor.motor_tornado import MotorClient


async def main():
    db = MotorClient().app
    coll = db.things
    async for raw in coll.find_raw_batches({}):
        print(len(raw))
    plan = await coll.find({"a": 1}).explain()
    await coll.find_and_modify({"_id": 1}, {"$set": {"a": 1}}, upsert=True, new=True)
    out = await coll.map_reduce("function() {}", "function() {}", "out", query={"a": 1})
    cursors = await coll.parallel_scan(4)
    for cursor in cursors:
        await cursor.to_list(None)
    copy = coll.with_options(write_concern=None)
    old = coll.uuid_subtype
    coll.write_concern = {"w": 2}
    db.add_son_manipulator(None)
    wrapped = coll.wrap(None)
    print(plan, out, copy, old, wrapped, coll.full_name, coll == copy)
    await db.set_profiling_level(1, slow_ms=50)
    await coll.rename("stuff", dropTarget=True)
