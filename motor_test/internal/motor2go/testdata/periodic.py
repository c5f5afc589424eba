# style: callback
from motor import MotorClient
from tornado import gen, ioloop

loop = ioloop.IOLoop.instance()
stats = MotorClient(io_loop=loop).app.stats


class Sampler(object):
    def __init__(self, collection, interval):
        self.collection = collection
        self.count = 0
        self.timer = ioloop.PeriodicCallback(self.sample, interval)

    def start(self):
        self.timer.start()

    def sample(self):
        self.count += 1
        self.collection.insert({"n": self.count}, callback=self.stored)

    def stored(self, result, error):
        if error is not None:
            print("failed: %s" % error)
        if self.count >= 10:
            self.timer.stop()
            self.report()

    @gen.coroutine
    def report(self):
        total = yield self.collection.count()
        yield gen.sleep(0.5)
        print("total {}".format(total))
        loop.stop()


sampler = Sampler(stats, 100)
loop.add_callback(sampler.start)
loop.call_later(60, loop.stop)
loop.start()
