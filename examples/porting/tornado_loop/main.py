import sys

from motor.motor_tornado import MotorClient
from tornado import gen, ioloop, locks, queues

loop = ioloop.IOLoop.current()
coll = MotorClient(sys.argv[1]).porting.tornado_loop
queue = queues.Queue(maxsize=2)
ready = locks.Event()
ticks = 0


def tick():
    global ticks
    ticks += 1
    print("tick", ticks)
    if ticks == 3:
        timer.stop()
        queue.put(None)


async def start():
    await coll.drop()
    await coll.insert_one({"_id": "state", "n": 0})
    ready.set()


async def watch():
    await ready.wait()
    timer.start()
    await queue.get()
    doc = await coll.find_one({"_id": "state"})
    print("state", doc["n"])
    loop.add_callback(stop, "finished")


def stop(text):
    print(text)
    loop.stop()


timer = ioloop.PeriodicCallback(tick, 2)
loop.spawn_callback(watch)
loop.call_later(0.01, loop.spawn_callback, start)
loop.start()
