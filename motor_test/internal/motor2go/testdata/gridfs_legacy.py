# style: callback
import motor
from tornado import gen


@gen.coroutine
def store(db):
    fs = motor.MotorGridFS(db)
    grid_in = yield fs.new_file(filename="a", content_type="text/plain")
    yield grid_in.write(b"data")
    yield grid_in.close()
    out = yield fs.get(grid_in._id)
    data = yield out.read()
    print(out.filename, out.length, data.decode())
    file_id = yield fs.put(b"more", filename="b")
    last = yield fs.get_last_version("b")
    names = yield fs.list()
    exists = yield fs.exists(file_id)
    yield fs.delete(file_id)
    raise gen.Return(exists)


def main():
    db = motor.MotorClient().files
    store(db)
