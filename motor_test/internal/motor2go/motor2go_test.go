package motor2go_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomotor/gomotor/motor_test/internal/motor2go"
)

var update = flag.Bool("update", false, "write the golden files")

// tool returns the tool, which takes seconds to load.
var tool = sync.OnceValues(motor2go.New)

func newTool(t testing.TB) *motor2go.Tool {
	t.Helper()
	made, err := tool()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func translate(t testing.TB, src string, style motor2go.Style) *motor2go.Report {
	t.Helper()
	r, err := newTool(t).Translate("app.py", src, style)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ExampleTool_Translate() {
	tool, err := motor2go.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := tool.Translate("app.py", `
from motor.motor_asyncio import AsyncIOMotorClient

async def main():
    users = AsyncIOMotorClient("mongodb://localhost").app.users
    user = await users.find_one({"_id": "ann"})
`, motor2go.Coroutines)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Findings {
		fmt.Printf("%d: %s\n", f.Line, f.Go)
	}
	// Output:
	// 5: users := motor.MustClient("mongodb://localhost", motor.WithIOLoop(co.Loop())).Database("app").Collection("users")
	// 6: user := callback.Must(co, users.FindOne(co, bson.M{"_id": "ann"}))
}

// programs returns the Python programs of the test, by name.
func programs(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, pattern := range []string{"testdata/*.py", "../../../examples/porting/*/main.py"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(path), ".py")
			if name == "main" {
				name = "porting_" + filepath.Base(filepath.Dir(path))
			}
			all[name] = string(src)
		}
	}
	if len(all) < 30 {
		t.Fatalf("got %d programs, want at least 30", len(all))
	}
	return all
}

var styleComment = regexp.MustCompile(`(?m)^# style: (\w+)$`)

// Each golden file has the report of a program, and the skeleton, in one style.
func TestGolden(t *testing.T) {
	for name, src := range programs(t) {
		t.Run(name, func(t *testing.T) {
			style := motor2go.Coroutines
			if m := styleComment.FindStringSubmatch(src); m != nil {
				style = motor2go.Style(m[1])
			}
			r, err := newTool(t).Translate(name+".py", src, style)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := r.Write(&got); err != nil {
				t.Fatal(err)
			}
			got.WriteString("\n" + r.Skeleton)
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the translation differs from %s; run the test with -update and look at the difference", path)
			}
		})
	}
}

// The skeleton of each program is Go in each style.
func TestSkeletonParses(t *testing.T) {
	for name, src := range programs(t) {
		for _, style := range motor2go.Styles() {
			skeleton := translate(t, src, style).Skeleton
			if _, err := parser.ParseFile(token.NewFileSet(), name+".go", skeleton, parser.ParseComments); err != nil {
				t.Errorf("%s: %v", style, err)
			}
		}
	}
}

func TestStyles(t *testing.T) {
	const head = "from motor.motor_asyncio import AsyncIOMotorClient\nasync def f():\n    c = AsyncIOMotorClient().a.b\n    "
	for _, test := range []struct {
		name, python         string
		future, callback, co string
	}{
		{"result", "doc = await c.find_one({})",
			"doc, err := c.FindOne(ctx, bson.M{}).Await(ctx)\nif err != nil {\n\treturn err\n}",
			"c.FindOne(ctx, bson.M{}, func(doc bson.M, err error) {\n\tif err != nil {\n\t\tdone(struct{}{}, err)\n\t\treturn\n\t}",
			"doc := callback.Must(co, c.FindOne(co, bson.M{}))"},
		{"no result", "await c.drop()",
			"if _, err := c.Drop(ctx).Await(ctx); err != nil {\n\treturn err\n}",
			"c.Drop(ctx, func(_ struct{}, err error) {\n\tif err != nil {\n\t\tdone(struct{}{}, err)\n\t\treturn\n\t}",
			"callback.Must(co, c.Drop(co))"},
		{"async for", "async for d in c.find({'a': 1}): pass",
			"for d, err := range c.Find(bson.M{\"a\": 1}).All(ctx) {\n\tif err != nil {\n\t\treturn err\n\t}",
			"c.Find(bson.M{\"a\": 1}).Each(ctx, func(d bson.M, err error) bool {\n\tif err != nil || d == nil {\n\t\treturn false // the end, or an error\n\t}",
			"for d := range callback.Range(co, c.Find(bson.M{\"a\": 1}).All(co)) {"},
		{"not awaited", "f = c.find_one({})",
			"f := c.FindOne(ctx, bson.M{})", "f := c.Futures().FindOne(ctx, bson.M{})", "f := c.FindOne(co, bson.M{})"},
		{"callback", "c.find_one({}, callback=done)",
			"c.FindOne(ctx, bson.M{}).OnComplete(done)", "c.FindOne(ctx, bson.M{}, done)", "c.FindOne(co, bson.M{}).OnComplete(done)"},
		{"keywords", "await c.update_one({}, {'$set': {'a': 1}}, upsert=True)",
			"if _, err := c.UpdateOne(ctx, bson.M{}, bson.M{\"$set\": bson.M{\"a\": 1}}, options.UpdateOne().SetUpsert(true)).Await(ctx); err != nil {\n\treturn err\n}",
			"c.UpdateOne(ctx, bson.M{}, bson.M{\"$set\": bson.M{\"a\": 1}}, func(_ *motor.UpdateResult, err error) {\n\tif err != nil {\n\t\tdone(struct{}{}, err)\n\t\treturn\n\t}",
			"callback.Must(co, c.UpdateOne(co, bson.M{}, bson.M{\"$set\": bson.M{\"a\": 1}}, options.UpdateOne().SetUpsert(true)))"},
		{"error details", "try: pass\n    except Exception as e: await c.insert_one({'n': e.details['nInserted']})",
			"if _, err := c.InsertOne(ctx, bson.M{\"n\": motor.AsError(err).Details().Lookup(\"nInserted\")}).Await(ctx); err != nil {\n\treturn err\n}", "",
			"callback.Must(co, c.InsertOne(co, bson.M{\"n\": motor.AsError(err).Details().Lookup(\"nInserted\")}))"},
		{"sleep", "import asyncio\n    await asyncio.sleep(0.5)",
			"if _, err := future.Sleep(500*time.Millisecond).Await(ctx); err != nil {\n\treturn err\n}", "", "co.Must(co.Sleep(500*time.Millisecond))"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for style, want := range map[motor2go.Style]string{
				motor2go.Futures: test.future, motor2go.Callbacks: test.callback, motor2go.Coroutines: test.co,
			} {
				r := translate(t, head+test.python+"\n", style)
				if got := r.Findings[len(r.Findings)-1].Go; got != want && want != "" {
					t.Errorf("%s: got\n%s\nwant\n%s", style, got, want)
				}
			}
		})
	}
}

// The class of a value is followed, and never guessed.
func TestUnknown(t *testing.T) {
	r := translate(t, `
from motor.motor_asyncio import AsyncIOMotorClient
async def f(x):
    await x.users.insert_one({})
    await AsyncIOMotorClient().a.b.insert_onee({})
    x.close()
`, motor2go.Coroutines)
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Unknown...)
	}
	want := []string{"insert_one of `x.users`: its class is not known", "MotorCollection has no method insert_onee"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFollowsClasses(t *testing.T) {
	const head = "from motor.motor_asyncio import *\nfrom motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase\n"
	for _, test := range []struct{ name, src, want string }{
		{"attribute", "class A:\n def __init__(self): self.db = AsyncIOMotorClient().x\n async def f(self): await self.db.y.drop()\n", "MotorCollection.drop"},
		{"parameter", "async def g(db): await db.y.drop()\nasync def f(): await g(AsyncIOMotorClient().x)\n", "MotorCollection.drop"},
		{"annotation", "async def g(db: AsyncIOMotorDatabase): await db.command('ping')\n", "MotorDatabase.command"},
		{"quoted annotation", "async def g(db: 'AsyncIOMotorDatabase'): await db.command('ping')\n", "MotorDatabase.command"},
		{"result", "def db(): return AsyncIOMotorClient().x\nasync def f(): await db().y.drop()\n", "MotorCollection.drop"},
		{"item", "app['db'] = AsyncIOMotorClient().x\nasync def f(request): await request.app['db'].y.drop()\n", "MotorCollection.drop"},
		{"chain", "async def f(): await AsyncIOMotorClient().x.y.find().sort('a').to_list(None)\n", "MotorCursor.to_list"},
		{"session", "async def f():\n  async with await AsyncIOMotorClient().start_session() as s:\n    await s.commit_transaction()\n", "MotorClientSession.commit_transaction"},
		{"global", "db = None\ndef connect():\n  global db\n  db = AsyncIOMotorClient().x\nasync def f(): await db.y.drop()\n", "MotorCollection.drop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := translate(t, head+test.src, motor2go.Coroutines)
			if !slices.ContainsFunc(r.Findings, func(f motor2go.Finding) bool { return slices.Contains(f.Members, test.want) }) {
				t.Errorf("got %+v, want the member %s", r.Findings, test.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	if _, err := newTool(t).Translate("app.py", "f(", motor2go.Futures); err == nil || !strings.HasPrefix(err.Error(), "app.py:1:") {
		t.Errorf("got %v, want a syntax error", err)
	}
	if _, err := newTool(t).Translate("app.py", "", "promise"); err == nil || !strings.Contains(err.Error(), `unknown style "promise"`) {
		t.Errorf("got %v, want an unknown style", err)
	}
}

func TestReportAsJSON(t *testing.T) {
	r := translate(t, "from motor.motor_asyncio import AsyncIOMotorClient\nc = AsyncIOMotorClient()\n", motor2go.Futures)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back motor2go.Report
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Findings) != 1 || back.Findings[0].Line != 2 || back.Findings[0].Go != `c = motor.MustClient("localhost")` {
		t.Errorf("got %s, want the finding of line 2", text)
	}
}

// Python that has no form in Go becomes comments. The skeleton is Go nevertheless.
func TestSkeletonOfOtherPython(t *testing.T) {
	for _, src := range []string{
		"def f(*args, key=1, **rest): return args\n",
		"async def f(a, *args): await args[0]\n",
		"if x == {'a': 1}: pass\nelif y != {}: pass\n",
		"while {1: 2}[1] > {}: pass\n",
		"for a in {'b': 1}: break\nelse: pass\n",
		"class A(B, metaclass=C):\n    x: int = 3\n    @property\n    def func(self): return self.type\n",
		"a, (b, *c), d[0] = f(lambda *x, y=1: x)\n",
		"with open(a) as f, g() as (h, i): pass\n",
		"try:\n  pass\nexcept (A, B.C) as e:\n  raise D from e\nelse:\n  pass\nfinally:\n  del e.f\n",
		"match x:\n  case {'a': [b, *c]} if b: pass\n",
		"type = [i for i in range(3) if i % 2]\nfunc = chan = map = type\n",
		"async def f():\n  async with a() as b, c():\n    return [d async for d in b.find() if d]\n",
		"global_ = '''a\nb`c'''\nprint(f'{global_!r:>{9}} 100%', file=x)\nassert global_, 'none'\n",
		"print >>f, `x`, 1L\nexec 'a' in b\n",
		"def _(): yield\nlambda: (yield)\n",
	} {
		for _, style := range motor2go.Styles() {
			skeleton := translate(t, src, style).Skeleton
			if _, err := parser.ParseFile(token.NewFileSet(), "app.go", skeleton, parser.ParseComments); err != nil {
				t.Errorf("%s: %v\n%s\n%s", style, err, src, skeleton)
			}
		}
	}
}
