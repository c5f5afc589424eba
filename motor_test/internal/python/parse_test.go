package python_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

func ExampleParse() {
	file, err := python.Parse("app.py", "async def main():\n    print(await users.find_one())\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	main := file.Body[0].(*python.FuncDef)
	fmt.Println(main.Name, main.Async)
	fmt.Println(file.Source(main.Body[0]))
	// Output:
	// main true
	// print(await users.find_one())
}

func ExampleParse_error() {
	_, err := python.Parse("app.py", "users.find(\n")
	fmt.Println(err)
	// Output: app.py:1:11: "(" was never closed
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ name, src, want string }{
		{"await", "await f(x).y", "[(expr (await (. (call f [x] []) y)))]"},
		{"await in a power", "-await a ** b", "[(expr (- (** (await a) b)))]"},
		{"yield", "x = yield", "[(= [x] (yield nil))]"},
		{"yield list", "a, b = yield [f(), g()]", "[(= [(tuple [a b])] (yield (list [(call f [] []) (call g [] [])])))]"},
		{"yield in a condition", "while (yield c.fetch_next):\n  pass", "[(while (yield (. c fetch_next)) [pass] [])]"},
		{"async for", "async def f():\n  async for a, b in c: pass", "[(asyncdef f [] [] nil [(asyncfor (tuple [a b]) c [pass] [])])]"},
		{"async with", "async def f():\n  async with a as b, c: pass", "[(asyncdef f [] [] nil [(asyncwith [(a b) (c nil)] [pass])])]"},
		{"with in brackets", "with (a as b, c): pass", "[(with [(a b) (c nil)] [pass])]"},
		{"with a tuple call", "with (a, b)(c): pass", "[(with [((call (tuple [a b]) [c] []) nil)] [pass])]"},
		{"else if", "if a: b\nelif c: d\nelse: e", "[(ifstmt a [(expr b)] [(ifstmt c [(expr d)] [(expr e)])])]"},
		{"comparison", "a < b not in c is not d", "[(expr (cmp a < b not in c is not d))]"},
		{"lambda", "lambda a, *b, c=1, **d: a", "[(expr (lambda [(a nil nil) (*b nil nil) (c nil num) (**d nil nil)] a))]"},
		{"positional parameters", "def f(a, /, b, *, c): pass", "[(def f [] [(a nil nil) (/) (b nil nil) (*) (c nil nil)] nil [pass])]"},
		{"comprehension", "{k: v async for k, v in d if k if v}", "[(expr (setcomp k v [(for async (tuple [k v]) d [k v])]))]"},
		{"walrus", "if (n := f()) > 1: pass", "[(ifstmt (cmp (:= n (call f [] [])) > num) [pass] [])]"},
		{"match", "match x:\n  case {'a': [b, *c]} as d if e: pass\n  case _: pass", "[(match x (case e [pass]) (case nil [pass]))]"},
		{"match as a name", "match = 1\nmatch(x)", "[(= [match] num) (expr (call match [x] []))]"},
		{"type parameters", "def f[T: int](a: T) -> T: pass", "[(def f [] [(a T nil)] T [pass])]"},
		{"f-string", `f"a{b!r:>{w}}{{c}}" 'd'`, "[(expr (f [(text 61) (field b r [(text 3e) (field w  [])]) (text 7b637d64)]))]"},
		{"f-string with its own quotes", `f'{d['a']}'`, "[(expr (f [(field (index d (str 61))  [])]))]"},
		{"f-string with a quote as fill", `f"{a:'^9}"`, "[(expr (f [(field a  [(text 275e39)])]))]"},
		{"f-string that shows the expression", `f"{a = }"`, "[(expr (f [(text 61203d20) (field a r [])]))]"},
		{"f-string that shows a continued line", "f'{a =\\\n}'", "[(expr (f [(text 61203d5c0a) (field a r [])]))]"},
		{"escapes", `'\x41\u00e9\t\
\101\q'`, "[(expr (str 41c3a909415c71))]"},
		{"raw", `r'\n' rb'\n'[0]`, "[(expr (index (str 5c6e5c6e) num))]"},
		{"line continuation", "a = b + \\\n  c", "[(= [a] (+ b c))]"},
		{"brackets over lines", "f(a, # one\n\n  b)\nc", "[(expr (call f [a b] [])) (expr c)]"},
		{"comment less indented", "if a:\n    b\n  # c\n    d", "[(ifstmt a [(expr b) (expr d)] [])]"},
		{"tab", "if a:\n\tb\n\tc", "[(ifstmt a [(expr b) (expr c)] [])]"},
		{"semicolons", "a; b;", "[(expr a) (expr b)]"},
		{"Windows", "\ufeffif a:\r\n  b\r\n", "[(ifstmt a [(expr b)] [])]"},

		{"print of Python 2", "print 'a', b", "[(print nil [(str 61) b] false)]"},
		{"print without a value", "print", "[(print nil [] false)]"},
		{"print without the end of the line", "print a,", "[(print nil [a] true)]"},
		{"print to a file", "print >>f, a", "[(print f [a] false)]"},
		{"print with a bracket", "print ('%s') % a", "[(print nil [(% (str 2573) a)] false)]"},
		{"print as a function", "print('%s' % a, end='')", "[(expr (call print [(% (str 2573) a)] [(end (str ))]))]"},
		{"print as a name", "f(print)\nprint = 1", "[(expr (call f [print] [])) (= [print] num)]"},
		{"except of Python 2", "try: a\nexcept (B, C), e: d", "[(try [(expr a)] [(except (tuple [B C]) e [(expr d)])] [] [])]"},
		{"raise of Python 2", "raise A, 'b'", "[(raise A [(str 62)])]"},
		{"backquotes", "`a, b`", "[(expr (repr (tuple [a b])))]"},
		{"not equal", "a <> b", "[(expr (cmp a != b))]"},
		{"numbers of Python 2", "0777 + 10L + 0xFFL", "[(expr (+ (+ num num) num))]"},
		{"exec", "exec code in a, b", "[(exec [code a b])]"},
		{"async as a keyword argument", "client.fsync(async=True)", "[(expr (call (. client fsync) [] [(async True)]))]"},
		{"async as a name", "asyncio.async(f())\nasync = 1", "[(expr (call (. asyncio async) [(call f [] [])] [])) (= [async] num)]"},
		{"list over a tuple", "[a for a in 1, 2]", "[(expr (listcomp nil a [(for  a (tuple [num num]) [])]))]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, err := python.Parse("a.py", test.src)
			if err != nil {
				t.Fatal(err)
			}
			if got := stmts(file.Body); got != test.want {
				t.Errorf("the tree is\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestParseError(t *testing.T) {
	for _, test := range []struct{ name, src, want string }{
		{"string", "a = 'b\n", `a.py:1:5: unterminated string`},
		{"string over lines", "a = '''b\n", `a.py:1:5: unterminated string`},
		{"closing bracket", "a = )", `a.py:1:5: unmatched ")"`},
		{"other bracket", "a = (\n]", `a.py:2:1: "]" does not match "(" of line 1`},
		{"indent", "a\n  b", `a.py:2:3: unexpected indent`},
		{"no indent", "if a:\nb", `a.py:2:1: expected an indented block`},
		{"unindent", "if a:\n    b\n  c", `a.py:3:3: unindent does not match any outer indentation level`},
		{"tabs and spaces", "if a:\n        b\n\tc", `a.py:3:2: inconsistent use of tabs and spaces in indentation`},
		{"character", "a = $", `a.py:1:5: invalid character '$'`},
		{"word", "a = class", `a.py:1:5: unexpected "class", want a name`},
		{"two expressions", "a b", `a.py:1:3: unexpected "b"`},
		{"try alone", "try: a\nb", `a.py:2:1: unexpected "b", want "except" or "finally"`},
		{"field", "f'{a'", `a.py:1:1: unterminated string`},
		{"empty field", "f'{}'", `a.py:1:4: unexpected`},
		{"expression of a field", "x = f'{a b}'", `a.py:1:10: unexpected "b"`},
		{"encoding", "# é \xff", `a.py:1:5: the file is not in UTF-8, and declares no encoding that is supported (latin-1)`},
		{"depth", strings.Repeat("(", 1000) + strings.Repeat(")", 1000), `too many nested blocks and brackets: the limit is 400`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := python.Parse("a.py", test.src)
			var syntax *python.Error
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse() = %v, want an *Error with %q", err, test.want)
			}
		})
	}
}

func TestParseLatin1(t *testing.T) {
	file, err := python.Parse("a.py", "# -*- coding: latin-1 -*-\nname = '\xe9'\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := file.Source(file.Body[0]), "name = 'é'"; got != want {
		t.Errorf("Source() = %q, want %q", got, want)
	}
}

func TestScanComments(t *testing.T) {
	_, comments, err := python.Scan("a.py", "# a\nif b: # c\n    # d\n    e('#')\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range comments {
		got = append(got, fmt.Sprintf("%d:%d %s", c.Pos.Line, c.Pos.Column, c.Text))
	}
	if want := "1:1 # a, 2:7 # c, 3:5 # d"; strings.Join(got, ", ") != want {
		t.Errorf("the comments are %q, want %q", strings.Join(got, ", "), want)
	}
}

// Whatever the input, Parse returns a tree or an *Error, and the text of each statement is in the file.
func FuzzParse(f *testing.F) {
	for _, src := range []string{
		"a = f'{b!r:>{c}}'", "print `a`, b", "async def f(a, *, b=1):\n\tawait a\n", "match a:\n  case [b, *c] if d: pass\n",
		"try: a\nexcept A, e: raise B, c\nfinally: pass", "x[1:2, ::3] = {**a, 'b': lambda: {c for c in d}}", "with (a as b, c): pass",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		file, err := python.Parse("a.py", src)
		if err != nil {
			var syntax *python.Error
			if !errors.As(err, &syntax) {
				t.Errorf("Parse() = %v, want an *Error", err)
			}
			return
		}
		last := 0
		for _, s := range file.Body {
			start, end := s.Span()
			if start.Offset < last || end.Offset < start.Offset || end.Offset > len(file.Text) {
				t.Errorf("a statement is from %d to %d, after one that ends at %d", start.Offset, end.Offset, last)
			}
			last = end.Offset
		}
	})
}
