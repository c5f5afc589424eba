package motor2go_test

import (
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/internal/motor2go"
)

// The programs compile in each style, with these parts.
func TestSkeletonCompiles(t *testing.T) {
	const head = `
import asyncio
import datetime
from bson import SON, Binary, Code, DBRef, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorGridFSBucket, MotorReplicaSetClient
from pymongo import InsertOne
from tornado import gen, ioloop

class NotFound(Exception):
    pass

NAMES = ["ann", "ben"]

async def count(c: AsyncIOMotorCollection, kind: str):
    return await c.count_documents({"kind": kind})

async def store(c: AsyncIOMotorCollection, n: int):
    await c.insert_one({"_id": n})

async def main():
    c = AsyncIOMotorClient().a.b

`
	for _, test := range []struct {
		name, python         string
		future, callback, co string
	}{
		{"gather of coroutines", "a, b = await asyncio.gather(count(c, 'x'), count(c, 'y'))\nprint(a, b)",
			", err := future.All(future.Go(ctx, pool, func(ctx context.Context) (int64, error) { return count(ctx, c, \"x\") })", "future.All(callback.FromCallback(loop, func(done callback.Func[int64]) { count(ctx, c, \"x\", done) })", "callback.Gather(co, callback.Value("},
		{"gather of coroutines without results", "await asyncio.gather(store(c, 1), store(c, 2))",
			"future.All(future.Go(ctx, pool, func(ctx context.Context) (struct{}, error) { return struct{}{}, store(ctx, c, 1) })",
			"callback.Func[struct{}]) { store(ctx, c, 1, done) }", "callback.Gather(co, callback.Proc(func(co *callback.Co) { store(co, c, 1) })"},
		{"gather of two types", "n, doc = await asyncio.gather(c.count_documents({}), c.find_one({}))\nprint(n, doc['a'])",
			"future.Join2(c.CountDocuments(ctx, bson.M{}), c.FindOne(ctx, bson.M{})).Await(ctx)", "func(result future.Pair[int64, bson.M], err error) {",
			"n, doc := all.First, all.Second"},
		{"gather of a coroutine and an operation", "n, doc, r = await asyncio.gather(count(c, 'x'), c.find_one({}), c.insert_one({}))\nprint(n, doc['a'], r.inserted_id)",
			"n, doc, r := result.First, result.Second, result.Third", "future.Join3(callback.FromCallback(", "future.Join3(callback.CreateTask(co,"},
		{"gather of four types", "print(await asyncio.gather(count(c, 'x'), c.find_one({}), c.drop(), c.insert_one({})))",
			"future.Erase(c.FindOne(ctx, bson.M{}))", "func(result []any, err error) {", "future.Erase(c.Drop(co))"},
		{"gather with exceptions", "rs = await asyncio.gather(count(c, 'x'), count(c, 'y'), return_exceptions=True)\nif isinstance(rs[0], Exception): print(rs[1])",
			"if rs[0].Err != nil {", "future.AllSettled(", "callback.GatherSettled(co, "},
		{"gather of a list", "await asyncio.gather(*[store(c, n) for n in range(1, 4)])",
			"var items []*future.Future[struct{}]", "for n := 1; n < 4; n++ {", "items = append(items, callback.CreateTask(co, "},
		{"gather of a variable", "fs = []\nfor i in range(3):\n    fs.append(c.insert_one({'_id': i}))\nawait asyncio.gather(*fs)",
			"fs := []*future.Future[*motor.InsertOneResult]{}", "future.All(fs...)", "callback.Must(co, future.All(fs...))"},
		{"multi of a dict", "ds = yield {'a': c.find_one({}), 'b': c.find_one({})}\nprint(ds['a']['x'])",
			"future.MultiMap(map[string]*future.Future[bson.M]{", "func(ds map[string]bson.M, err error) {", "ds := callback.Must(co, future.MultiMap("},
		{"task", "t = asyncio.create_task(count(c, 'x'))\nt.cancel()\nprint(await t, t.done())",
			"t := future.Go(ctx, pool, ", "t.OnComplete(func(n int64, err error) {", "callback.Must(co, t.Future)"},
		{"wait_for", "print(await asyncio.wait_for(count(c, 'x'), timeout=0.5))\nprint(await asyncio.wait_for(c.find_one({}), 2))",
			"future.WaitFor(c.FindOne(ctx, bson.M{}), 2*time.Second).Await(ctx)", "func(n int64, err error) {", "callback.WaitFor(co, 500*time.Millisecond, callback.Value("},
		{"wait", "ts = [asyncio.create_task(count(c, k)) for k in ['x', 'y']]\ndone, rest = await asyncio.wait(ts, return_when=asyncio.FIRST_COMPLETED)\nprint(len(done), len(rest))",
			"done, rest := result.Done, result.Pending", "func run(ctx context.Context, finish callback.Func[struct{}]) {", "future.Wait(future.FirstCompleted, ts...)"},
		{"as_completed", "for t in asyncio.as_completed([count(c, 'x'), count(c, 'y')]):\n    print(await t + 1)",
			"for t, err := range future.AsCompleted(ctx, future.Go(", "f.OnComplete(func(t int64, err error) {", "for t := range callback.Range(co, future.AsCompleted(co, "},
		{"timeout of Tornado", "yield gen.with_timeout(datetime.timedelta(seconds=2), gen.sleep(60))\nyield gen.with_timeout(ioloop.IOLoop.current().time() + 0.01, gen.sleep(60))",
			"future.WithTimeout(future.Sleep(60*time.Second), 2*time.Second).Await(ctx)", "future.WithTimeout(future.Sleep(60*time.Second), 10*time.Millisecond).OnComplete(",
			"callback.Must(co, future.WithTimeout(future.Sleep(60*time.Second), 10*time.Millisecond))"},
		{"sleep", "await asyncio.sleep(1)\nprint('slept')", "future.Sleep(time.Second).Await(ctx)", "loop.CallLater(time.Second, func() {", "co.Must(co.Sleep(time.Second))"},
		{"done callback", "t = asyncio.create_task(count(c, 'x'))\nt.add_done_callback(lambda f: print(f.result()))",
			"t.OnComplete(func(f int64, err error) { fmt.Println(f) })", "t.OnComplete(func(f int64, err error) { fmt.Println(f) })", "t.OnComplete(func(f int64, err error) { fmt.Println(f) })"},
		{"list comprehension", "names = [d['name'] for d in await c.find().to_list(None) if d['ok'] == 1]\nprint(len(names))",
			"if d[\"ok\"] == 1 {\n\t\t\tnames = append(names, d[\"name\"])", "var names []any", "for _, d := range callback.Must(co, c.Find(bson.M{}).ToList(co)) {"},
		{"async comprehension", "names = [d['name'] async for d in c.find()]\nprint(len(names))",
			"for d, err := range c.Find(bson.M{}).All(ctx) {", "c.Find(bson.M{}).ToList(ctx, func(docs []bson.M, err error) {", "for d := range callback.Range(co, c.Find(bson.M{}).All(co)) {"},
		{"dict comprehension", "byName = {str(d['_id']): d async for d in c.find()}\nprint(byName['x'])",
			"byName[fmt.Sprint(d[\"_id\"])] = d", "byName := bson.M{}", "byName := bson.M{}"},
		{"set comprehension", "kinds = {k.upper() for k in ['a', 'b']}\nif 'A' in kinds: print(sorted(kinds))",
			"if kinds[\"A\"] {", "kinds := map[string]bool{}", "slices.Sorted(maps.Keys(kinds))"},
		{"generator", "print(', '.join(d['a'] for d in await c.find().to_list(None)), sum(n for n in range(4)), max([1, 2]))",
			"strings.Join(items, \", \")", "slices.Max([]int{1, 2})", "items = append(items, fmt.Sprint(d[\"a\"]))"},
		{"nested comprehension", "print([a + b for a in range(2) for b in range(3)])", "items = append(items, a+b)", "for b := range 3 {", "var items []int"},
		{"tuples", "for n, s in [(1, 'a'), (2, 'b')]:\n    print(n + 1, s.upper())", "n, s := item.n, item.s", "strings.ToUpper(s)", "{{1, \"a\"}, {2, \"b\"}}"},
		{"enumerate", "for i, d in enumerate(await c.find().to_list(None)):\n    print(i, d['a'])", "for i, d := range docs {", "for i, d := range docs {", "for i, d := range callback.Must("},
		{"variable of two types", "r = await c.insert_one({})\nprint(r.inserted_id)\nr = await c.delete_one({})\nprint(r.deleted_count)",
			"r2, err := c.DeleteOne(ctx, bson.M{}).Await(ctx)", "r2.Deleted()", "r2 := callback.Must(co, c.DeleteOne(co, bson.M{}))"},
		{"variable of a branch", "if await c.find_one({}):\n    n = 1\nelse:\n    n = await c.count_documents({})\nprint(n)",
			"var n int64", "var n int64", "n = callback.Must(co, c.CountDocuments(co, bson.M{}))"},
		{"conditional", "x = 'yes' if await c.find_one({}) else 'no'\nprint(x)", "value = \"yes\"", "var value string", "var value string"},
		{"unused variable", "r = await c.insert_one({})", "_ = r", "c.InsertOne(ctx, bson.M{}, func(r *motor.InsertOneResult, err error) {", "_ = r"},
		{"return in a try statement", "try:\n    return\nexcept ValueError as e:\n    print(e)\nraise ValueError('no')",
			"if returned {\n\t\treturn nil", "returned = true", "if returned {\n\t\treturn\n"},
		{"queue", "q = asyncio.Queue()\nawait q.put('a')\nx = await q.get()\nprint(x.upper())\ntry:\n    q.get_nowait()\nexcept asyncio.QueueEmpty:\n    pass",
			"q := make(chan string, 0)", "callback.NewQueue[string](loop, 0)", "callback.ErrQueueEmpty"},
		{"semaphore", "s = asyncio.Semaphore(2)\nasync with s:\n    await store(c, 1)\nprint('after')",
			"defer func() { <-s }()", "s.Acquire().OnComplete(", "defer callback.Must(co, s.Acquire())()"},
		{"values", "print(Binary(b'x', 4), Timestamp(1, 2), Regex('a', 'i'), Code('f'), MinKey(), MaxKey(), datetime.datetime(2024, 1, 2), float('inf'), Int64(5))",
			"bson.Binary{Data: []byte(\"x\"), Subtype: 4}", "bson.JavaScript(\"f\")", "time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)"},
		{"references and flags", "print(DBRef('c', 1), Regex('a', 10))", "motor.DBRef{Collection: \"c\", ID: 1}", "bson.Regex{Pattern: \"a\", Options: \"im\"}", ""},
		{"constant and variable", "names = [1]\nprint(NAMES, names)", "fmt.Println(NAMES, names)", "NAMES = []string{\"ann\", \"ben\"}", "var NAMES []string"},
		{"exception with a message", "raise NotFound('no ' + NAMES[0])", "return &NotFound{\"no \" + names[0]}", "&NotFound{\"no \" + names[0]}", "co.Must(&NotFound{\"no \" + names[0]})"},
		{"file that closes", "async with AsyncIOMotorGridFSBucket(AsyncIOMotorClient().a).open_upload_stream('a') as out:\n    await out.write(b'x')",
			"out.Close(ctx).Await(ctx)", "", ".OpenUploadStream(\"a\").Scope(co, func(out *motor.GridIn) error {"},
		{"ordered document", "d = SON([('z', 1)])\nd['b'] = 2\nprint(d['z'], d.get('b'))", "motor.Set(&d, \"b\", 2)", "motor.Get(d, \"z\")", "d := bson.D{{Key: \"z\", Value: 1}}"},
		{"collation", "await c.delete_many({}, collation={'locale': 'de', 'strength': 2})", "SetCollation(&options.Collation{Locale: \"de\", Strength: 2})", "", ""},
		{"replica set", "print(MotorReplicaSetClient('a,b', replicaSet='rs').db.c)", "motor.NewReplicaSetClient(", "callback.NewReplicaSetClient(loop, ", "motor.NewReplicaSetClient("},
		{"models", "await c.bulk_write([InsertOne({'_id': n}) for n in range(3)])", "var items []mongo.WriteModel", "", ""},
		{"error details", "try:\n    await c.drop()\nexcept Exception as e:\n    for w in e.details['writeErrors']:\n        print(w['index'], type(e).__name__)",
			"w.Document().Lookup(\"index\")", "", "motor.AsError(err).Class().Name()"},
		{"format", "print('{} of {n}'.format(1, n=2))", "fmt.Sprintf(\"%v of %v\", 1, 2)", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := head + "    " + strings.ReplaceAll(test.python, "\n", "\n    ") + "\n\nasyncio.run(main())\n"
			for style, want := range map[motor2go.Style]string{
				motor2go.Futures: test.future, motor2go.Callbacks: test.callback, motor2go.Coroutines: test.co,
			} {
				skeleton := translate(t, src, style).Skeleton
				if i := strings.Index(skeleton, compileNote); i >= 0 {
					note, _, _ := strings.Cut(skeleton[i:], "\n")
					t.Errorf("%s: got %s\n%s", style, note, skeleton)
				}
				if !strings.Contains(skeleton, want) {
					t.Errorf("%s: got\n%s\nwant %s", style, skeleton, want)
				}
			}
		})
	}
}
