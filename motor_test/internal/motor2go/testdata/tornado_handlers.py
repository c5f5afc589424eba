import tornado.ioloop
import tornado.web
from bson import ObjectId
from motor.motor_tornado import MotorClient


class MainHandler(tornado.web.RequestHandler):
    @property
    def messages(self):
        return self.settings["db"].messages

    async def get(self, message_id):
        db = self.settings["db"]
        message = await db.messages.find_one({"_id": ObjectId(message_id)})
        if not message:
            raise tornado.web.HTTPError(404)
        self.write(message["text"])
        async for other in db.messages.find({"parent": message["_id"]}).sort("_id"):
            self.write(other["text"])

    async def post(self):
        result = await self.settings["db"].messages.insert_one({"text": self.get_argument("text")})
        self.redirect("/" + str(result.inserted_id))


db = MotorClient().board
application = tornado.web.Application([(r"/(.*)", MainHandler)], db=db)
application.listen(8888)
tornado.ioloop.IOLoop.current().start()
