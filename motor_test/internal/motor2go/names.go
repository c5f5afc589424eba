package motor2go

import (
	"fmt"
	"go/types"
	"maps"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
	"github.com/gomotor/gomotor/motor_test/parity"
)

// facts are what the rounds of a translation learn about a file.
type facts struct {
	fields  map[string]string // the class of an attribute of a class, such as "Handler.db"
	stored  map[string]string // the class of an item with a constant key, such as "app[db]"
	params  map[string]string // the class of a parameter, such as "load.db"; conflicting calls give ""
	results map[string]string // the class of what a function returns
	values  map[string]bool   // the functions that return a value
	called  map[string][]string
	// inferred is the class that the uses of a parameter need
	inferred map[string]string
	// errors are the errors that stand for exceptions of Python, by their names in Go
	errors map[string]string
}

func newFacts() *facts {
	return &facts{
		fields: map[string]string{}, stored: map[string]string{}, params: map[string]string{}, results: map[string]string{},
		values: map[string]bool{}, called: map[string][]string{}, inferred: map[string]string{}, errors: map[string]string{},
	}
}

// learn records the class of something. Two different classes make none.
func learn(known map[string]string, key, class string) {
	was, ok := known[key]
	switch {
	case class == "" || class == nothing && ok:
	case !ok || was == class || was == nothing:
		known[key] = class
	case wider[was] && wider[class]:
		known[key] = wide
		if was == "float" || class == "float" {
			known[key] = "float"
		}
	default:
		known[key] = ""
	}
}

// wider are the classes of numbers. A variable that has several of them has the widest one.
var wider = map[string]bool{number: true, wide: true, "float": true}

// scope holds the names of a module or function.
type scope struct {
	names    map[string]value
	declared map[string]bool // Go names
	global   map[string]bool // names of a "global" statement
	closure  bool            // of a function literal that the translation adds: the variables around it are its own
	block    bool            // of a block in a function
	leave    string          // for a literal: the statement that ends it
	returned string          // for a literal: the variable that says that the function around it returns
	result   string          // for a literal: the variable for the result of that function
}

func newScope() *scope {
	return &scope{names: map[string]value{}, declared: map[string]bool{}, global: map[string]bool{}}
}

func (f *translation) scope() *scope { return f.scopes[len(f.scopes)-1] }

// base returns the scope of the function, or of the module.
func (f *translation) base() *scope {
	i := len(f.scopes) - 1
	for f.scopes[i].closure || f.scopes[i].block {
		i--
	}
	return f.scopes[i]
}

// enclose translates a part of a function in a function literal. leave is the statement that ends the literal. It
// returns a function that passes a return on to the function; at is the line of the literal.
func (f *translation) enclose(leave string, translate func()) (pass func(at int)) {
	s := newScope()
	s.closure, s.global, s.leave = true, f.scope().global, leave
	f.scopes = append(f.scopes, s)
	translate()
	f.scopes = f.scopes[:len(f.scopes)-1]
	for name, v := range s.names {
		f.scope().names[name] = v
	}
	return func(at int) {
		if s.returned == "" {
			return
		}
		indent := strings.Repeat("\t", f.indent)
		declarations := []string{indent + s.returned + " := false"}
		if s.result != "" {
			declarations = append(declarations, indent+"var "+s.result+" "+f.typeOf(f.facts.results[f.function.key]))
		}
		f.lines = slices.Insert(f.lines, at, declarations...)
		f.scope().declared[s.returned], f.scope().declared[s.result] = true, true
		f.line("if %s {", s.returned)
		f.indent++
		f.returning(s.result)
		f.indent--
		f.line("}")
	}
}

// literal returns the scope of the innermost function literal that the translation has added, or nil.
func (f *translation) literal() *scope {
	for _, s := range slices.Backward(f.scopes) {
		if !s.block {
			if s.closure && s.leave != "" {
				return s
			}
			return nil
		}
	}
	return nil
}

// leaveLiteral ends a function literal in place of the function around it, with a result or without.
func (f *translation) leaveLiteral(c *scope, text string) {
	if c.returned == "" {
		c.returned = f.temp("", "returned")
		c.declared[c.returned] = true
	}
	if f.function != nil && f.function.result && text == "" {
		text = zero(f.resultType())
	}
	if text == "" {
		f.line("%s = true", c.returned)
	} else {
		if c.result == "" {
			c.result = f.temp("", "result")
			c.declared[c.result] = true
		}
		f.line("%s, %s = %s, true", c.result, c.returned, text)
	}
	f.line("%s", c.leave)
}

// isDeclared reports whether a variable of the function is declared. Each function literal has its own err.
func (f *translation) isDeclared(name string) bool {
	for _, s := range slices.Backward(f.scopes) {
		if s.declared[name] {
			return true
		}
		if !s.block && (!s.closure || name == "err") {
			return false
		}
	}
	return false
}

// lookup returns the value of a name, or one without a class.
func (f *translation) lookup(name string) value {
	for _, s := range slices.Backward(f.scopes) {
		if v, ok := s.names[name]; ok {
			return v
		}
	}
	if def := f.functions[name]; def != nil {
		return value{text: f.functionName(def), class: function}
	}
	if f.classes[name] != nil {
		return value{text: exported(name), class: "type " + name}
	}
	return value{}
}

// bind gives names a value, in the current scope.
func (f *translation) bind(target python.Expr, v value) {
	switch target := target.(type) {
	case *python.Ident:
		s := f.scope()
		if s.global[target.Name] {
			s = f.scopes[0]
		}
		name := f.goName(target.Name)
		old := f.lookup(target.Name)
		dynamic := v.dynamic || old.dynamic && old.text == name && f.isDeclared(name)
		s.names[target.Name] = value{text: name, class: v.class, dynamic: dynamic}
	case *python.Sequence:
		for _, item := range target.Items {
			f.bind(item, value{class: elementOf(v.class)})
		}
	case *python.Attribute:
		if owner, ok := strings.CutPrefix(f.quiet(target.X).class, "self "); ok {
			learn(f.facts.fields, owner+"."+target.Name, v.class)
		} else if owner, ok := target.X.(*python.Ident); ok {
			learn(f.facts.stored, owner.Name+"."+target.Name, v.class)
		}
	case *python.Subscript:
		if key := storedKey(target); key != "" {
			learn(f.facts.stored, key, v.class)
		}
	}
}

// quiet translates an expression without recording what it finds.
func (f *translation) quiet(e python.Expr) value {
	was, lines := f.current, f.lines
	s := f.scope()
	names, declared := maps.Clone(s.names), maps.Clone(s.declared)
	f.current, f.muted = &Finding{}, f.muted+1
	v := f.expr(e)
	f.current, f.lines, f.muted = was, lines, f.muted-1
	s.names, s.declared = names, declared
	return v
}

// storedKey returns the key in facts.stored of an item such as app["db"] or request.app["db"], or "".
func storedKey(e *python.Subscript) string {
	key, ok := e.Index.(*python.Constant)
	if !ok || key.Kind != python.Str {
		return ""
	}
	switch x := e.X.(type) {
	case *python.Ident:
		return x.Name + "[" + key.Value + "]"
	case *python.Attribute:
		return x.Name + "[" + key.Value + "]"
	}
	return ""
}

// dotted returns the value of a name with its module.
func (f *translation) dotted(name string) value {
	if class := f.motorClass(name); class != "" {
		f.use(&member{class: class, row: f.tool.row(class, "__init__")})
		return value{text: "motor." + strings.TrimPrefix(class, "Motor"), class: "type " + class}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if text, ok := constants[last]; ok && strings.HasPrefix(name, "pymongo") {
		return value{text: text, class: number}
	}
	if f.isError(name) {
		return value{text: f.errorOf(name), class: "exception"}
	}
	if name == "sys.argv" {
		return value{text: "os.Args", class: listOf(stringy)}
	}
	return value{text: f.goName(last), class: moduleOf(name)}
}

// constants are constants of PyMongo.
var constants = map[string]string{
	"ASCENDING": "1", "DESCENDING": "-1", "TEXT": `"text"`, "HASHED": `"hashed"`, "GEO2D": `"2d"`, "GEOSPHERE": `"2dsphere"`,
	"BEFORE": "options.Before", "AFTER": "options.After",
	"TAILABLE": "options.Tailable", "TAILABLE_AWAIT": "options.TailableAwait", "NON_TAILABLE": "options.NonTailable",
	"PRIMARY": "readpref.PrimaryMode", "PRIMARY_PREFERRED": "readpref.PrimaryPreferredMode", "SECONDARY": "readpref.SecondaryMode",
	"SECONDARY_PREFERRED": "readpref.SecondaryPreferredMode", "NEAREST": "readpref.NearestMode",
}

// motorClass returns the class of Motor that a name of its modules means, or "".
func (f *translation) motorClass(name string) string {
	if name != "motor" && !strings.HasPrefix(name, "motor.") {
		return ""
	}
	class := strings.TrimPrefix(name[strings.LastIndexByte(name, '.')+1:], "AsyncIO")
	if class == "AIOHTTPGridFS" || f.tool.rows[class] != nil {
		return class
	}
	return ""
}

// isError reports whether a name is an exception that has a counterpart.
func (f *translation) isError(name string) bool { return f.errorOf(name) != "" }

// errorOf returns the error for the exception of a dotted name, "error" for those that stand for every error, or "".
func (f *translation) errorOf(name string) string {
	switch name {
	case "Exception", "BaseException":
		return "error"
	case "asyncio.TimeoutError", "TimeoutError", "tornado.gen.TimeoutError", "tornado.util.TimeoutError":
		return "context.DeadlineExceeded"
	case "asyncio.CancelledError":
		return "context.Canceled"
	case "asyncio.QueueEmpty", "tornado.queues.QueueEmpty":
		return "callback.ErrQueueEmpty"
	case "asyncio.QueueFull", "tornado.queues.QueueFull":
		return "callback.ErrQueueFull"
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if pythonErrors[name] {
		return f.pythonError(name)
	}
	if !strings.Contains(name, "errors") {
		return ""
	}
	if f.tool.module.Object("motor", last) != nil {
		return "motor." + last
	}
	return ""
}

// pythonErrors are exceptions of Python that programs raise and handle.
var pythonErrors = map[string]bool{
	"ValueError": true, "KeyError": true, "TypeError": true, "IndexError": true, "RuntimeError": true, "AttributeError": true,
	"LookupError": true, "NotImplementedError": true, "StopIteration": true, "AssertionError": true, "ArithmeticError": true, "ZeroDivisionError": true,
}

// pythonError returns the variable that stands for an exception of Python.
func (f *translation) pythonError(name string) string {
	text := "Err" + exported(strings.TrimSuffix(name, "Error"))
	f.facts.errors[text] = name
	return text
}

// member is a member of Motor, of the value on.
type member struct {
	class string
	row   *parity.Row
	on    string // Go
}

// use records that a statement uses a member.
func (f *translation) use(m *member) {
	if m.row == nil {
		return
	}
	f.mention(m.class + "." + m.row.Member)
	if name, _, _ := f.tool.ledger.Function(m.row); name != "" {
		if f.style == Callbacks {
			name = strings.Replace(name, "motor.", "callback.", 1)
		}
		f.doc(name)
	}
	switch name := m.row.Member; {
	case m.row.Remark == "", name == "__getattr__", name == "__getitem__":
	case name == "__init__":
		f.note("%s: %s", m.class, m.row.Remark)
	default:
		f.note("%s: %s", name, m.row.Remark)
	}
}

func (f *translation) mention(name string) { f.current.Members = appendNew(f.current.Members, name) }
func (f *translation) doc(name string)     { f.current.Docs = appendNew(f.current.Docs, name) }
func (f *translation) note(format string, args ...any) {
	f.current.Notes = appendNew(f.current.Notes, oneLine(fmt.Sprintf(format, args...)))
}

// warn adds a note that stands in the skeleton in any case.
func (f *translation) warn(format string, args ...any) {
	f.current.warns = true
	f.note(format, args...)
}
func (f *translation) unknown(format string, args ...any) {
	f.current.Unknown = appendNew(f.current.Unknown, fmt.Sprintf(format, args...))
}

func appendNew(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// attribute translates x.name that is not called.
func (f *translation) attribute(e *python.Attribute) value {
	x := f.expr(e.X)
	if name, ok := strings.CutPrefix(x.class, moduleOf("")); ok {
		return f.dotted(name + "." + e.Name)
	}
	if owner, ok := strings.CutPrefix(x.class, "self "); ok {
		if f.methods[owner+"."+e.Name] != nil {
			return value{text: x.text + "." + exported(e.Name), class: function}
		}
		return value{text: x.text + "." + f.goName(e.Name), class: f.facts.fields[owner+"."+e.Name]}
	}
	if x.class == errorType && e.Name == "__name__" {
		return value{text: "motor.AsError(" + x.text + ").Class().Name()", class: stringy}
	}
	if class, ok := strings.CutPrefix(x.class, "type "); ok && class != "" {
		return value{text: x.text + "." + exported(e.Name), class: ""}
	}
	if owner, ok := e.X.(*python.Ident); ok && x.class == "" {
		if class := f.facts.stored[owner.Name+"."+e.Name]; class != "" {
			return value{text: x.text + "." + f.goName(e.Name), class: class}
		}
	}
	switch {
	case f.tool.rows[x.class] != nil:
		return f.motorAttribute(x, e)
	case x.class == "error" && e.Name == "code":
		return value{text: "motor.Code(" + x.text + ")", class: number}
	case x.class == "error" && e.Name == "details":
		return value{text: "motor.AsError(" + x.text + ").Details()", class: rawDocument}
	}
	if text := f.resultMember(x.class, e.Name); text != "" {
		return value{text: x.text + "." + text, class: f.resultKind(e.Name)}
	}
	return value{text: x.text + "." + exported(e.Name)}
}

// resultMember returns the call or the field for an attribute of a result such as UpdateResult, or "". The counts of a
// BulkWriteResult have short names.
func (f *translation) resultMember(class, attribute string) string {
	object := f.tool.module.Object("motor", class)
	if object == nil {
		return ""
	}
	for _, name := range []string{attribute, strings.TrimSuffix(attribute, "_count")} {
		for method := range types.NewMethodSet(types.NewPointer(object.Type())).Methods() {
			m := method.Obj().(*types.Func)
			if m.Exported() && fold(m.Name()) == fold(name) && m.Signature().Results().Len() == 1 {
				return m.Name() + "()"
			}
		}
		if s, ok := object.Type().Underlying().(*types.Struct); ok {
			for field := range s.Fields() {
				if field.Exported() && fold(field.Name()) == fold(name) {
					return field.Name()
				}
			}
		}
	}
	return ""
}

// resultKind returns the class of an attribute of a result.
func (f *translation) resultKind(attribute string) string {
	if strings.HasSuffix(attribute, "_count") {
		return wide
	}
	return ""
}

// motorAttribute translates an attribute of a value of a class of Motor.
func (f *translation) motorAttribute(x value, e *python.Attribute) value {
	row := f.tool.row(x.class, e.Name)
	if row == nil || strings.HasPrefix(row.Member, "__") {
		return f.item(x, "__getattr__", quote(e.Name), e)
	}
	m := &member{x.class, row, x.text}
	if strings.HasSuffix(row.Kind, "method") { // a bound method, as in motor.Op(users.find_one)
		f.use(m)
		name, _, _ := f.tool.ledger.Function(row)
		return value{text: x.text + "." + name[strings.LastIndexByte(name, '.')+1:], class: function}
	}
	return f.motorCall(m, nil)
}

// item translates x.name and x[name], which give databases and collections.
func (f *translation) item(x value, how, name string, e python.Expr) value {
	row := f.tool.row(x.class, how)
	if row == nil {
		f.unknown("%s has no member %s", x.class, strings.Trim(name, `"`))
		return f.comment(e)
	}
	f.use(&member{class: x.class, row: row})
	symbol, _, _ := f.tool.ledger.Function(row)
	method := symbol[strings.LastIndexByte(symbol, '.')+1:]
	return value{text: x.text + "." + method + "(" + name + ")", class: resultClass(row, x.class)}
}

// comment is the value of an expression that is not translated: its source, in a comment.
func (f *translation) comment(e python.Expr) value {
	return value{text: "nil /* " + strings.ReplaceAll(oneLine(f.file.Source(e)), "*/", "* /") + " */"}
}

// subscript translates x[index].
func (f *translation) subscript(e *python.Subscript) value {
	x := f.expr(e.X)
	if x.class == "" {
		if class := f.facts.stored[storedKey(e)]; class != "" {
			return value{text: x.text + "[" + f.expr(e.Index).text + "]", class: class}
		}
	}
	switch x.class {
	case "MotorClient", "MotorReplicaSetClient", "MotorDatabase", "MotorCollection":
		return f.item(x, "__getitem__", f.expr(e.Index).text, e)
	}
	if slice, ok := e.Index.(*python.Slice); ok {
		return f.slice(x, slice, e)
	}
	index := f.expr(e.Index)
	if strings.HasPrefix(x.class, "Motor") {
		if row := f.tool.row(x.class, "__getitem__"); row != nil {
			f.use(&member{class: x.class, row: row})
			return value{text: x.text + ".Index(" + index.text + ")"}
		}
	}
	if x.class == rawDocument {
		f.note("`Lookup` returns a `bson.RawValue`. Its methods give the value, such as `AsInt64`, `StringValue` and `Array`.")
		return value{text: x.text + ".Lookup(" + index.text + ")", class: rawKind}
	}
	if x.class == rawElement {
		return value{text: x.text + ".Document().Lookup(" + index.text + ")", class: rawKind}
	}
	if x.class == orderedDocument {
		f.doc("motor.Get")
		return value{text: "motor.Get(" + x.text + ", " + index.text + ")", dynamic: true}
	}
	if x.class == document {
		f.note("A value of a document is an `any`: `%s[%s].(string)`.", x.text, index.text)
	}
	if strings.HasPrefix(index.text, "-") {
		f.note("A negative index counts from the end in Python only.")
	}
	of := elementOf(x.class)
	return value{text: x.text + "[" + index.text + "]", class: of, dynamic: x.class == document || strings.HasPrefix(x.class, list) && of == ""}
}

func (f *translation) slice(x value, s *python.Slice, e python.Expr) value {
	low, high := "", ""
	if s.Low != nil {
		low = f.expr(s.Low).text
	}
	if s.High != nil {
		high = f.expr(s.High).text
	}
	if s.Step != nil || strings.HasPrefix(low, "-") || strings.HasPrefix(high, "-") {
		return f.byHand(e)
	}
	if strings.HasPrefix(x.class, "Motor") && f.tool.row(x.class, "__getitem__") != nil {
		f.use(&member{class: x.class, row: f.tool.row(x.class, "__getitem__")})
		if low == "" {
			low = "0"
		}
		if high == "" {
			return value{text: x.text + ".Slice(" + low + ")", class: x.class}
		}
		return value{text: x.text + ".Slice(" + low + ", " + high + ")", class: x.class}
	}
	return value{text: x.text + "[" + low + ":" + high + "]", class: x.class}
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
