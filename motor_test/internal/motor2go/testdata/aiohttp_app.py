from aiohttp import web
from motor.aiohttp import AIOHTTPGridFS
from motor.motor_asyncio import AsyncIOMotorClient


async def page(request):
    db = request.app["db"]
    doc = await db.pages.find_one(request.match_info["name"])
    if doc is None:
        return web.Response(status=404)
    return web.Response(body=doc["body"])


async def setup(app):
    app["client"] = AsyncIOMotorClient()
    app["db"] = app["client"].wiki
    await app["db"].pages.create_index("title")


async def cleanup(app):
    app["client"].close()


app = web.Application()
app["db"] = AsyncIOMotorClient().wiki
resource = app.router.add_resource("/fs/{filename}")
resource.add_route("GET", AIOHTTPGridFS(AsyncIOMotorClient().my_database))
app.on_startup.append(setup)
app.on_cleanup.append(cleanup)
web.run_app(app)
