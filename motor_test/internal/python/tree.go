package python

// Node is a part of the syntax tree.
type Node interface {
	Span() (start, end Pos)
}

// Expr is an expression, or a pattern of a match statement, which has the same syntax.
type Expr interface {
	Node
	expr()
}

// Stmt is a statement.
type Stmt interface {
	Node
	stmt()
}

// span is the place of a node.
type span struct{ Start, End Pos }

// Span returns the start and the end of the node. The end of a compound statement is that of its last statement.
func (s span) Span() (start, end Pos) { return s.Start, s.End }

// ConstantKind is the kind of a constant.
type ConstantKind int

// The kinds of constants.
const (
	Num ConstantKind = iota
	Str
	Bytes
	EllipsisKind
)

// Expressions.
type (
	// Ident is a name, also None, True and False.
	Ident struct {
		span
		Name string
	}
	// Constant is a number, a string or "...". Value is the text of a number, and the value of a string.
	Constant struct {
		span
		Kind  ConstantKind
		Value string
	}
	// Formatted is an f-string, alone or concatenated with other strings.
	Formatted struct {
		span
		Parts []Part
	}
	// Attribute is X.Name.
	Attribute struct {
		span
		X    Expr
		Name string
	}
	// Subscript is X[Index]. Index may be a Slice, or a Tuple that has slices.
	Subscript struct {
		span
		X, Index Expr
	}
	// Slice is Low:High:Step. Each of them may be nil.
	Slice struct {
		span
		Low, High, Step Expr
	}
	// Call is Func(Args, Keywords).
	Call struct {
		span
		Func     Expr
		Args     []Expr // may have Starred elements
		Keywords []Keyword
	}
	// Unary is Op X. Op is -, +, ~ or not.
	Unary struct {
		span
		Op string
		X  Expr
	}
	// Binary is X Op Y, with an arithmetic operator, "and" or "or".
	Binary struct {
		span
		Op   string
		X, Y Expr
	}
	// Compare is X Ops[0] Others[0] Ops[1] Others[1] and so on.
	Compare struct {
		span
		X      Expr
		Ops    []string // also in, not in, is, is not
		Others []Expr
	}
	// Conditional is Then if Test else Else.
	Conditional struct {
		span
		Test, Then, Else Expr
	}
	// Lambda is an anonymous function.
	Lambda struct {
		span
		Params []Param
		Body   Expr
	}
	// Sequence is a tuple, list or set.
	Sequence struct {
		span
		Open  string // (, [ or {
		Items []Expr
	}
	// Dict is {Keys[0]: Values[0], ...}. The key of **value is nil.
	Dict struct {
		span
		Keys, Values []Expr
	}
	// Comprehension is a generator expression, or a comprehension of a list, set or dict.
	Comprehension struct {
		span
		Open       string // (, [ or {
		Key, Value Expr   // Key is nil except for a dict
		Clauses    []Clause
	}
	// Await is await X.
	Await struct {
		span
		X Expr
	}
	// Yield is yield X or yield from X. X may be nil.
	Yield struct {
		span
		X    Expr
		From bool
	}
	// Starred is *X, or **X in a pattern.
	Starred struct {
		span
		X Expr
	}
	// Named is Name := X, or X as Name in a pattern.
	Named struct {
		span
		Name string
		X    Expr
	}
	// Backquoted is `X` of Python 2, the repr of X.
	Backquoted struct {
		span
		X Expr
	}
)

// Part is a part of a formatted string: a text if Expr is nil, or a replacement field.
type Part struct {
	Text       string
	Expr       Expr
	Debug      string // the text of the expression and =, in a field such as {x=}
	Conversion string // r, s or a
	Format     []Part
}

// Keyword is an argument Name=Value of a call, or **Value if Name is empty.
type Keyword struct {
	Name  string
	Value Expr
	Pos   Pos
}

// Clause is a "for" of a comprehension, with its "if" parts.
type Clause struct {
	Async    bool
	Var, In  Expr
	Requires []Expr
}

// Param is a parameter of a function.
type Param struct {
	Name       string // empty for the separators * and /
	Star       string // *, ** or, for a separator, * and /
	Parts      Expr   // the tuple of a tuple parameter of Python 2
	Annotation Expr
	Default    Expr
}

// Statements.
type (
	// ExprStmt is an expression as a statement.
	ExprStmt struct {
		span
		X Expr
	}
	// Assign is Targets[0] = Targets[1] = Value.
	Assign struct {
		span
		Targets []Expr
		Value   Expr
	}
	// Augment is Target Op Value, such as n += 1.
	Augment struct {
		span
		Target Expr
		Op     string
		Value  Expr
	}
	// Annotated is Target: Annotation = Value. Value may be nil.
	Annotated struct {
		span
		Target, Annotation, Value Expr
	}
	// Simple is pass, break or continue.
	Simple struct {
		span
		Word string
	}
	// Return is return X. X may be nil.
	Return struct {
		span
		X Expr
	}
	// Raise is raise X from From. Rest has the other values of Python 2.
	Raise struct {
		span
		X, From Expr
		Rest    []Expr
	}
	// Delete is del X.
	Delete struct {
		span
		X Expr
	}
	// Assert is assert X, Message.
	Assert struct {
		span
		X, Message Expr
	}
	// Scope is global or nonlocal.
	Scope struct {
		span
		Word  string
		Names []string
	}
	// Import is import or from-import. Module is empty for "import".
	Import struct {
		span
		From   bool
		Module string // with the dots of a relative import
		Names  []Alias
	}
	// Print is the print statement of Python 2.
	Print struct {
		span
		To     Expr // print >>To
		Args   []Expr
		NoLine bool // it ends with a comma
	}
	// Exec is the exec statement of Python 2.
	Exec struct {
		span
		Args []Expr
	}
	// TypeAlias is type Name = Value.
	TypeAlias struct {
		span
		Name  string
		Value Expr
	}
	// If is an if statement. Else has another If for elif.
	If struct {
		span
		Test Expr
		Body []Stmt
		Else []Stmt
	}
	// While is a while loop.
	While struct {
		span
		Test Expr
		Body []Stmt
		Else []Stmt
	}
	// For is a for loop.
	For struct {
		span
		Async   bool
		Var, In Expr
		Body    []Stmt
		Else    []Stmt
	}
	// With is a with statement.
	With struct {
		span
		Async bool
		Items []WithItem
		Body  []Stmt
	}
	// Try is a try statement.
	Try struct {
		span
		Body     []Stmt
		Handlers []Handler
		Else     []Stmt
		Finally  []Stmt
	}
	// FuncDef is a function or method.
	FuncDef struct {
		span
		Async      bool
		Name       string
		Decorators []Expr
		Params     []Param
		Returns    Expr
		Body       []Stmt
	}
	// ClassDef is a class.
	ClassDef struct {
		span
		Name       string
		Decorators []Expr
		Bases      []Expr
		Keywords   []Keyword
		Body       []Stmt
	}
	// Match is a match statement.
	Match struct {
		span
		X     Expr
		Cases []Case
	}
)

// Alias is a name in an import.
type Alias struct{ Name, As string }

// WithItem is X as Var. Var may be nil.
type WithItem struct{ X, Var Expr }

// Handler is except Kind as Name. Kind is nil and Name empty if they are not there.
type Handler struct {
	Pos  Pos
	Star bool // except*
	Kind Expr
	Name string
	Body []Stmt
}

// Case is a case of a match statement.
type Case struct {
	Pos            Pos
	Pattern, Guard Expr
	Body           []Stmt
}

func (*Ident) expr()         {}
func (*Constant) expr()      {}
func (*Formatted) expr()     {}
func (*Attribute) expr()     {}
func (*Subscript) expr()     {}
func (*Slice) expr()         {}
func (*Call) expr()          {}
func (*Unary) expr()         {}
func (*Binary) expr()        {}
func (*Compare) expr()       {}
func (*Conditional) expr()   {}
func (*Lambda) expr()        {}
func (*Sequence) expr()      {}
func (*Dict) expr()          {}
func (*Comprehension) expr() {}
func (*Await) expr()         {}
func (*Yield) expr()         {}
func (*Starred) expr()       {}
func (*Named) expr()         {}
func (*Backquoted) expr()    {}

func (*ExprStmt) stmt()  {}
func (*Assign) stmt()    {}
func (*Augment) stmt()   {}
func (*Annotated) stmt() {}
func (*Simple) stmt()    {}
func (*Return) stmt()    {}
func (*Raise) stmt()     {}
func (*Delete) stmt()    {}
func (*Assert) stmt()    {}
func (*Scope) stmt()     {}
func (*Import) stmt()    {}
func (*Print) stmt()     {}
func (*Exec) stmt()      {}
func (*TypeAlias) stmt() {}
func (*If) stmt()        {}
func (*While) stmt()     {}
func (*For) stmt()       {}
func (*With) stmt()      {}
func (*Try) stmt()       {}
func (*FuncDef) stmt()   {}
func (*ClassDef) stmt()  {}
func (*Match) stmt()     {}
