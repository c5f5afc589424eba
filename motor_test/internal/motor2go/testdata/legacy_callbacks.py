# style: callback
import motor
import tornado.ioloop

client = motor.MotorClient("localhost", 27017, max_pool_size=10).open_sync()
db = client.test_database
collection = db["test_collection"]


def inserted(result, error):
    if error:
        raise error
    print "inserted", result
    collection.find_one({"i": 1}, callback=found)


def found(document, error):
    try:
        print document["i"]
    except KeyError, e:
        print "no i", e
    collection.update({"i": 1}, {"$set": {"key": "value"}}, multi=True, callback=updated)


def updated(result, error):
    collection.remove({"i": {"$gt": 10}}, callback=removed)
    db.command("collstats", "test_collection", callback=lambda response, error: loop.stop())


def removed(result, error):
    collection.find({"i": {"$lt": 5}}).sort([("i", -1)]).limit(3).each(callback=each)


def each(document, error):
    if error:
        raise error
    elif document:
        print document
        return True
    else:
        collection.find().to_list(100, callback=listed)


def listed(documents, error):
    print len(documents)
    tornado.ioloop.IOLoop.instance().stop()


loop = tornado.ioloop.IOLoop.instance()
collection.insert({"i": 1}, callback=inserted)
loop.start()
