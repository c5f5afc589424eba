package motor2go

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// call translates a call.
func (f *translation) call(e *python.Call) value {
	switch fn := e.Func.(type) {
	case *python.Attribute:
		return f.methodCall(e, fn)
	case *python.Ident:
		v := f.lookup(fn.Name)
		if name, ok := strings.CutPrefix(v.class, moduleOf("")); ok {
			return f.global(name, e)
		}
		if def := f.functions[fn.Name]; def != nil && (v.class == function || v.class == "") {
			return f.callUser(def, e)
		}
		if f.classes[fn.Name] != nil {
			return f.newObject(fn.Name, e)
		}
		if v.class == "" {
			return f.builtin(fn.Name, e)
		}
	}
	if called := f.expr(e.Func); called.class == callbackParam {
		return f.callCallback(called.text, e)
	}
	return f.plainCall(f.expr(e.Func).text, e)
}

// callbackParam is the class of a parameter named callback. It is called with a result, and perhaps an error.
const callbackParam = "callback"

// callCallback translates the call of a parameter named callback.
func (f *translation) callCallback(target string, e *python.Call) value {
	args := []string{"nil", "nil"}
	for i, a := range e.Args[:min(2, len(e.Args))] {
		v := f.expr(a)
		args[i] = f.typed(v)
		if f.function != nil && i == 0 && v.class != nothing {
			learn(f.facts.stored, callbackKey(f.function.key), v.class)
		}
	}
	return value{text: target + "(" + strings.Join(args, ", ") + ")"}
}

// plainCall translates a call of something that is not known.
func (f *translation) plainCall(target string, e *python.Call) value {
	args := f.texts(e.Args)
	for _, k := range e.Keywords {
		args = append(args, f.expr(k.Value).text)
		f.note("Go has no keyword arguments: `%s`.", oneLine(f.file.Source(e)))
	}
	return value{text: target + "(" + strings.Join(args, ", ") + ")"}
}

func (f *translation) methodCall(e *python.Call, fn *python.Attribute) value {
	x := f.expr(fn.X)
	if name, ok := strings.CutPrefix(x.class, moduleOf("")); ok {
		return f.global(name+"."+fn.Name, e)
	}
	if f.tool.rows[x.class] != nil {
		row := f.tool.row(x.class, fn.Name)
		if doc := f.fetched[x.text]; doc != "" && fn.Name == "next_object" {
			f.mention(x.class + ".next_object")
			return value{text: doc, class: elementOf(x.class)}
		}
		if row == nil || row.Kind != "special" && !strings.HasSuffix(row.Kind, "method") {
			f.unknown("%s has no method %s", x.class, fn.Name)
			f.texts(e.Args)
			return f.comment(e)
		}
		return f.motorCall(&member{x.class, row, x.text}, e)
	}
	if untranslated(x.text) {
		f.texts(e.Args)
		return f.comment(e)
	}
	kind, of := kindOf(x.class)
	if v, ok := f.futureMethod(x, kind, of, fn.Name, e); ok {
		return v
	}
	if kind == futureKind {
		kind = taskKind
	}
	if kinds[kind] {
		if v, ok := f.construct(kind+"."+fn.Name, x.text, e); ok {
			return v
		}
	}
	if owner, ok := strings.CutPrefix(x.class, "self "); ok {
		if def := f.methods[owner+"."+fn.Name]; def != nil {
			return f.callUser(def, e)
		}
	}
	if v, ok := f.valueMethod(x, fn.Name, e); ok {
		return v
	}
	if f.isDistinct(fn.Name) && !strings.HasPrefix(x.class, "type ") {
		f.unknown("%s of `%s`: its class is not known", fn.Name, oneLine(f.file.Source(fn.X)))
	}
	return f.plainCall(x.text+"."+exported(fn.Name), e)
}

// isDistinct reports whether a method has the name of a member of Motor that other classes hardly have.
func (f *translation) isDistinct(name string) bool {
	if !strings.Contains(name, "_") && name != "find" && name != "aggregate" {
		return false
	}
	for _, members := range f.tool.rows {
		if r := members[name]; r != nil && strings.HasSuffix(r.Kind, "method") && !strings.HasPrefix(r.Class, "(module)") {
			return true
		}
	}
	return false
}

// valueMethod translates a method of a string, list or document.
func (f *translation) valueMethod(x value, name string, e *python.Call) (value, bool) {
	args := func() string { return strings.Join(f.texts(e.Args), ", ") }
	switch {
	case name == "append" && len(e.Args) == 1:
		v := f.asFuture(f.expr(e.Args[0]))
		attribute := e.Func.(*python.Attribute)
		learn(f.facts.stored, f.itemsKey(attribute.X), v.class)
		f.infer(attribute.X, listOf(v.class))
		if f.isParameter(attribute.X) {
			f.warn("append does not change the slice of the caller: pass a pointer to it.")
		}
		return value{text: x.text + " = append(" + x.text + ", " + f.asserted(v, f.typeOf(elementOf(x.class))) + ")"}, true
	case name == "pop" && len(e.Args) == 0 && strings.HasPrefix(x.class, list):
		return value{text: x.text + " = " + x.text + "[:len(" + x.text + ")-1]"}, true
	case name == "extend" && len(e.Args) == 1 && strings.HasPrefix(x.class, list):
		return value{text: x.text + " = append(" + x.text + ", " + f.typed(f.rangeSlice(f.expr(e.Args[0]))) + "...)"}, true
	case name == "add" && len(e.Args) == 1 && strings.HasPrefix(x.class, setKind+" of "):
		return value{text: x.text + "[" + args() + "] = true"}, true
	case x.class == document && name == "get" && len(e.Args) == 1:
		return value{text: x.text + "[" + args() + "]", dynamic: true}, true
	case x.class == orderedDocument && name == "get" && len(e.Args) == 1:
		return value{text: "motor.Get(" + x.text + ", " + args() + ")", dynamic: true}, true
	case x.class == document && name == "items":
		return value{text: x.text, class: "items"}, true
	case x.class == stringy && name == "join" && len(e.Args) == 1:
		return value{text: "strings.Join(" + f.joined(e.Args[0]) + ", " + x.text + ")", class: stringy}, true
	case x.class == stringy && name == "format":
		return f.format(x, e), true
	case x.class == stringy && len(e.Args) == 0 && stringMethods[name] != "":
		return value{text: stringMethods[name] + "(" + x.text + ")", class: stringy}, true
	case x.class == bytesText && name == "decode":
		return value{text: "string(" + x.text + ")", class: stringy}, true
	case x.class == stringy && name == "encode":
		return value{text: "[]byte(" + x.text + ")", class: bytesText}, true
	case name == "result" && len(e.Args) == 0 && x.class == "":
		f.note("Result returns a value and an error.")
		return value{text: x.text + ".Result()"}, true
	}
	return value{}, false
}

var stringMethods = map[string]string{"upper": "strings.ToUpper", "lower": "strings.ToLower", "strip": "strings.TrimSpace"}

// global translates a call of a function of a module.
func (f *translation) global(name string, e *python.Call) value {
	if class := f.motorClass(name); class != "" {
		return f.newMotor(class, e)
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case name == "motor.Op" && len(e.Args) > 0:
		f.mention(name)
		if row := f.tool.row("(module) motor", "Op"); row != nil {
			f.note("%s", row.Remark)
		}
		inner := &python.Call{Func: e.Args[0], Args: e.Args[1:], Keywords: e.Keywords}
		return f.call(inner)
	case strings.HasPrefix(name, "pymongo") && models[last] != nil:
		return f.model(last, e)
	case strings.HasPrefix(name, "bson"):
		if v, ok := f.bsonCall(last, e); ok {
			return v
		}
	case f.isError(name):
		f.note("An error of your own: `fmt.Errorf(\"...: %%w\", %s)`.", f.errorOf(name))
		return value{text: f.errorOf(name), class: "exception"}
	}
	if v, ok := f.construct(name, "", e); ok {
		return v
	}
	switch name {
	case "datetime.datetime.utcnow", "datetime.datetime.now", "datetime.utcnow":
		return value{text: "time.Now()"}
	case "datetime.datetime", "datetime.timedelta", "uuid.uuid4", "uuid.UUID":
		if v, ok := f.standard(name, e); ok {
			return v
		}
	case "time.time":
		return value{text: "time.Now()"}
	}
	switch root, _, _ := strings.Cut(strings.TrimPrefix(name, "tornado."), "."); root {
	case "motor", "asyncio", "gen", "ioloop", "locks", "queues":
		f.unknown("%s is not known", name)
		f.texts(e.Args)
		return f.comment(e)
	}
	return f.plainCall(exported(last), e)
}

// newMotor translates the call of a class of Motor.
func (f *translation) newMotor(class string, e *python.Call) value {
	row := f.tool.row(class, "__init__")
	if row == nil || class != "MotorClient" && class != "MotorReplicaSetClient" {
		if row == nil {
			f.unknown("%s is not known", class)
			return f.byHand(e)
		}
		v := f.motorCall(&member{class: class, row: row}, e)
		v.class = class
		return v
	}
	f.use(&member{class: class, row: row})
	host, loop := `"localhost"`, ""
	var opts, keywords []string
	for i, a := range e.Args {
		switch v := f.expr(a); i {
		case 0:
			host = v.text
		case 1:
			opts = append(opts, "motor.WithPort("+v.text+")")
		default:
			f.note("Translate by hand: the argument `%s`.", oneLine(f.file.Source(a)))
		}
	}
	for _, k := range e.Keywords {
		switch v := f.expr(k.Value); k.Name {
		case "host":
			host = v.text
		case "port":
			opts = append(opts, "motor.WithPort("+v.text+")")
		case "io_loop":
			loop = v.text
		case "":
			f.note("Translate by hand: `**%s`.", oneLine(f.file.Source(k.Value)))
		default:
			keywords = append(keywords, quote(k.Name)+": "+v.text)
		}
	}
	if len(keywords) > 0 {
		opts = append(opts, "motor.WithOptions("+literal("map[string]any", keywords)+")")
		f.note("MIGRATION.md lists the keywords of the client.")
	}
	args := append([]string{host}, opts...)
	pkg := "motor."
	switch {
	case f.style == Callbacks:
		if loop == "" {
			loop = "loop"
		}
		pkg, args = "callback.", append([]string{loop}, args...)
	case loop != "":
		args = append(args, "motor.WithIOLoop("+loop+")")
	case f.style == Coroutines && f.fn != nil && f.fn.waits:
		args = append(args, "motor.WithIOLoop(co.Loop())")
	}
	if class == "MotorReplicaSetClient" { // it has no form with Must
		return f.checked(value{text: pkg + "NewReplicaSetClient(" + strings.Join(args, ", ") + ")", class: class}, "client")
	}
	return value{text: pkg + "MustClient(" + strings.Join(args, ", ") + ")", class: "MotorClient"}
}

// models are the setters of the requests of bulk_write, in the order of their parameters.
var models = map[string][]string{
	"InsertOne": {"Document"}, "DeleteOne": {"Filter"}, "DeleteMany": {"Filter"}, "ReplaceOne": {"Filter", "Replacement"},
	"UpdateOne": {"Filter", "Update"}, "UpdateMany": {"Filter", "Update"}, "IndexModel": {"Keys"},
}

// model translates a request of bulk_write, or an index.
func (f *translation) model(name string, e *python.Call) value {
	f.mention("pymongo." + name)
	texts := f.texts(e.Args)
	if name == "IndexModel" && len(texts) > 0 {
		text := "mongo.IndexModel{Keys: " + texts[0]
		if len(e.Keywords) > 0 {
			text += ", Options: options.Index()" + f.setters(e.Keywords)
		}
		return value{text: text + "}", class: "index"}
	}
	text := "mongo.New" + name + "Model()"
	for i, t := range texts {
		if i < len(models[name]) {
			text += ".Set" + models[name][i] + "(" + t + ")"
		}
	}
	return value{text: text + f.setters(e.Keywords), class: "model"}
}

func (f *translation) setters(keywords []python.Keyword) (text string) {
	for _, k := range keywords {
		name := exported(k.Name)
		if name == "ExpireAfterSeconds" || k.Name == "expireAfterSeconds" {
			name = "ExpireAfterSeconds"
		}
		text += ".Set" + name + "(" + f.expr(k.Value).text + ")"
	}
	return text
}

// bsonCall translates the constructors of package bson.
func (f *translation) bsonCall(name string, e *python.Call) (value, bool) {
	switch name {
	case "ObjectId":
		if len(e.Args) == 0 {
			return value{text: "bson.NewObjectID()", class: goClass + "bson.ObjectID"}, true
		}
		id := f.expr(e.Args[0])
		f.infer(e.Args[0], stringy)
		return f.checked(value{text: "bson.ObjectIDFromHex(" + f.asserted(id, "string") + ")", class: goClass + "bson.ObjectID"}, "id"), true
	case "Int64":
		v := value{text: "1"}
		if len(e.Args) == 1 {
			v = f.expr(e.Args[0])
		}
		if untranslated(v.text) {
			return v, true
		}
		return value{text: "int64(" + v.text + ")", class: wide}, true
	case "SON":
		if len(e.Args) == 1 {
			if v := f.expr(e.Args[0]); strings.HasPrefix(v.text, "bson.D{") {
				return value{text: v.text, class: orderedDocument}, true
			}
		}
		var items []string
		for _, k := range e.Keywords {
			items = append(items, "{Key: "+quote(k.Name)+", Value: "+f.expr(k.Value).text+"}")
		}
		if len(e.Args) == 0 {
			return value{text: literal("bson.D", items), class: orderedDocument}, true
		}
	case "Decimal128":
		return f.checked(value{text: "bson.ParseDecimal128(" + strings.Join(f.texts(e.Args), ", ") + ")", class: goClass + "bson.Decimal128"}, ""), true
	}
	if name == "Code" && len(e.Args) == 1 {
		return value{text: "bson.JavaScript(" + f.expr(e.Args[0]).text + ")", class: goClass + "bson.JavaScript"}, true
	}
	if name == "DBRef" && len(e.Args) >= 2 && len(e.Args) <= 3 {
		var fields []string
		for i, text := range f.texts(e.Args) {
			fields = append(fields, []string{"Collection", "ID", "Database"}[i]+": "+text)
		}
		return value{text: "motor.DBRef{" + strings.Join(fields, ", ") + "}", class: goClass + "motor.DBRef"}, true
	}
	if fields, ok := bsonStructs[name]; ok && len(e.Args) <= len(fields) && len(e.Keywords) == 0 {
		var parts []string
		for i, text := range f.texts(e.Args) {
			if fields[i] == "Options" && isNumeral(text) {
				flags, _ := strconv.Atoi(text)
				text = quote(regexOptions(flags))
			}
			parts = append(parts, fields[i]+": "+text)
		}
		t := bsonNames[name]
		return value{text: "bson." + t + "{" + strings.Join(parts, ", ") + "}", class: goClass + "bson." + t}, true
	}
	return value{}, false
}

// regexOptions returns the options of BSON for the flags of Python's package re.
func regexOptions(flags int) (options string) {
	for i, option := range []string{"", "i", "l", "m", "s", "u", "x"} { // in the order of the bits, which is also the alphabet
		if flags&(1<<i) != 0 {
			options += option
		}
	}
	return options
}

// bsonStructs are the constructors of BSON types that are structs in Go, with their fields in the order of the
// parameters; bsonNames are the names of the structs.
var (
	bsonStructs = map[string][]string{
		"Binary": {"Data", "Subtype"}, "Regex": {"Pattern", "Options"}, "Timestamp": {"T", "I"}, "Code": {"Code", "Scope"}, "MinKey": {}, "MaxKey": {},
	}
	bsonNames = map[string]string{
		"Binary": "Binary", "Regex": "Regex", "Timestamp": "Timestamp", "Code": "CodeWithScope", "MinKey": "MinKey", "MaxKey": "MaxKey",
	}
)

func (f *translation) pairsOf(keywords []python.Keyword) string {
	var items []string
	for _, k := range keywords {
		items = append(items, quote(k.Name)+": "+f.expr(k.Value).text)
	}
	return strings.Join(items, ", ")
}

// newObject translates the call of a class of the file. Tornado's application keeps its keywords as settings.
func (f *translation) newObject(name string, e *python.Call) value {
	if def := f.methods[name+".__init__"]; def != nil {
		v := f.callUser(def, e)
		return value{text: "new" + exported(name) + v.text[strings.IndexByte(v.text, '('):], class: "self " + name}
	}
	if f.isException(f.classes[name]) {
		message := ""
		if len(e.Args) > 0 {
			if v := f.expr(e.Args[0]); v.class == stringy {
				message = v.text
			} else {
				message = "fmt.Sprint(" + v.text + ")"
			}
		}
		return value{text: "&" + exported(name) + "{" + message + "}", class: "self " + name}
	}
	return value{text: "new(" + exported(name) + ")", class: "self " + name}
}

// isException reports whether a class of the file is an exception without a constructor of its own. Its message is that
// of the call.
func (f *translation) isException(s *python.ClassDef) bool {
	if f.methods[s.Name+".__init__"] != nil || f.methods[s.Name+".__str__"] != nil || len(f.fieldsOf(s)) > 0 {
		return false
	}
	return slices.ContainsFunc(s.Bases, func(e python.Expr) bool { return f.isError(f.file.Source(e)) })
}

// application learns the classes of the settings of a web application: Application([...], db=db).
func (f *translation) application(e *python.Call) {
	for _, k := range e.Keywords {
		learn(f.facts.stored, "settings["+k.Name+"]", f.quiet(k.Value).class)
	}
}

// pkg returns the package of a function in the style of the translation.
func (f *translation) pkg(name string) string {
	pkg, _, _ := strings.Cut(name, ".")
	if pkg == "motor" && f.style == Callbacks {
		return "callback"
	}
	return pkg
}
