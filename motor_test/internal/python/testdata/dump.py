"""Prints the syntax trees of files as the test in Go does, one line a file."""
import ast
import sys
import warnings

warnings.simplefilter("ignore")
BIN = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
       ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&", ast.MatMult: "@",
       ast.And: "and", ast.Or: "or", ast.UAdd: "+", ast.USub: "-", ast.Invert: "~", ast.Not: "not",
       ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
       ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}


def op(o):
    return BIN[type(o)]


def many(xs):
    return "[" + " ".join(dump(x) for x in xs) + "]"


def args(a):
    out = []
    plain = a.posonlyargs + a.args
    defaults = [None] * (len(plain) - len(a.defaults)) + a.defaults
    for i, (p, d) in enumerate(zip(plain, defaults)):
        out.append(param("", p, d))
        if a.posonlyargs and i == len(a.posonlyargs) - 1:
            out.append("(/)")
    if a.vararg:
        out.append(param("*", a.vararg, None))
    elif a.kwonlyargs:
        out.append("(*)")
    for p, d in zip(a.kwonlyargs, a.kw_defaults):
        out.append(param("", p, d))
    if a.kwarg:
        out.append(param("**", a.kwarg, None))
    return "[" + " ".join(out) + "]"


def param(star, p, default):
    return "(%s%s %s %s)" % (star, p.arg, dump(p.annotation), dump(default))


def keywords(ks):
    return "[" + " ".join("(%s %s)" % (k.arg or "**", dump(k.value)) for k in ks) + "]"


def clauses(gs):
    return "[" + " ".join("(for %s %s %s %s)" % ("async" if g.is_async else "", dump(g.target), dump(g.iter), many(g.ifs))
                          for g in gs) + "]"


def part(v):
    if isinstance(v, ast.Constant):
        return "(text %s)" % text(v.value)
    conversion = "" if v.conversion < 0 else chr(v.conversion)
    fmt = parts(v.format_spec.values) if v.format_spec else "[]"
    return "(field %s %s %s)" % (dump(v.value), conversion, fmt)


def parts(vs):
    return "[" + " ".join(part(v) for v in vs) + "]"


def text(s):
    s = "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in s)  # as in Go
    return s.encode("utf-8").hex()


def dump(n):
    t = type(n).__name__
    if n is None:
        return "nil"
    if t == "Name":
        return n.id
    if t == "Constant":
        if n.value is None or n.value is True or n.value is False:
            return str(n.value)
        if n.value is Ellipsis:
            return "..."
        if isinstance(n.value, str):
            return "(str %s)" % text(n.value)
        if isinstance(n.value, bytes):
            return "(bytes %s)" % n.value.hex()
        return "num"
    if t in ("JoinedStr", "TemplateStr"):  # a template is a formatted string there
        return "(f %s)" % parts(n.values)
    if t == "Attribute":
        return "(. %s %s)" % (dump(n.value), n.attr)
    if t == "Subscript":
        return "(index %s %s)" % (dump(n.value), dump(n.slice))
    if t == "Slice":
        return "(slice %s %s %s)" % (dump(n.lower), dump(n.upper), dump(n.step))
    if t == "Call":
        return "(call %s %s %s)" % (dump(n.func), many(n.args), keywords(n.keywords))
    if t == "UnaryOp":
        return "(%s %s)" % (op(n.op), dump(n.operand))
    if t == "BinOp":
        return "(%s %s %s)" % (op(n.op), dump(n.left), dump(n.right))
    if t == "BoolOp":
        x = dump(n.values[0])
        for y in n.values[1:]:
            x = "(%s %s %s)" % (op(n.op), x, dump(y))
        return x
    if t == "Compare":
        return "(cmp %s %s)" % (dump(n.left), " ".join(op(o) + " " + dump(c) for o, c in zip(n.ops, n.comparators)))
    if t == "IfExp":
        return "(if %s %s %s)" % (dump(n.test), dump(n.body), dump(n.orelse))
    if t == "Lambda":
        return "(lambda %s %s)" % (args(n.args), dump(n.body))
    if t in ("Tuple", "List", "Set"):
        return "(%s %s)" % ({"Tuple": "tuple", "List": "list", "Set": "set"}[t], many(n.elts))
    if t == "Dict":
        return "(dict %s %s)" % (many(n.keys), many(n.values))
    if t in ("ListComp", "SetComp", "GeneratorExp"):
        name = {"ListComp": "list", "SetComp": "set", "GeneratorExp": "tuple"}[t]
        return "(%scomp nil %s %s)" % (name, dump(n.elt), clauses(n.generators))
    if t == "DictComp":
        return "(setcomp %s %s %s)" % (dump(n.key), dump(n.value), clauses(n.generators))
    if t == "Await":
        return "(await %s)" % dump(n.value)
    if t == "Yield":
        return "(yield %s)" % dump(n.value)
    if t == "YieldFrom":
        return "(yieldfrom %s)" % dump(n.value)
    if t == "Starred":
        return "(star %s)" % dump(n.value)
    if t == "NamedExpr":
        return "(:= %s %s)" % (dump(n.target), dump(n.value))
    if t == "Expr":
        return "(expr %s)" % dump(n.value)
    if t == "Assign":
        return "(= %s %s)" % (many(n.targets), dump(n.value))
    if t == "AugAssign":
        return "(aug %s %s= %s)" % (dump(n.target), op(n.op), dump(n.value))
    if t == "AnnAssign":
        return "(ann %s %s %s)" % (dump(n.target), dump(n.annotation), dump(n.value))
    if t in ("Pass", "Break", "Continue"):
        return t.lower()
    if t == "Return":
        return "(return %s)" % dump(n.value)
    if t == "Raise":
        return "(raise %s %s)" % (dump(n.exc), dump(n.cause))
    if t == "Delete":
        return "(del %s)" % many(n.targets)
    if t == "Assert":
        return "(assert %s %s)" % (dump(n.test), dump(n.msg))
    if t in ("Global", "Nonlocal"):
        return "(%s %s)" % (t.lower(), " ".join(n.names))
    if t == "Import":
        return "(import %s)" % " ".join(a.name + ":" + (a.asname or "") for a in n.names)
    if t == "ImportFrom":
        return "(from %s %s)" % ("." * n.level + (n.module or ""), " ".join(a.name + ":" + (a.asname or "") for a in n.names))
    if t == "If":
        return "(ifstmt %s %s %s)" % (dump(n.test), many(n.body), many(n.orelse))
    if t == "While":
        return "(while %s %s %s)" % (dump(n.test), many(n.body), many(n.orelse))
    if t in ("For", "AsyncFor"):
        return "(%s %s %s %s %s)" % (t.lower(), dump(n.target), dump(n.iter), many(n.body), many(n.orelse))
    if t in ("With", "AsyncWith"):
        items = " ".join("(%s %s)" % (dump(i.context_expr), dump(i.optional_vars)) for i in n.items)
        return "(%s [%s] %s)" % (t.lower(), items, many(n.body))
    if t in ("Try", "TryStar"):
        star = "*" if t == "TryStar" else ""
        handlers = " ".join("(except%s %s %s %s)" % (star, dump(h.type), h.name or "", many(h.body)) for h in n.handlers)
        return "(try %s [%s] %s %s)" % (many(n.body), handlers, many(n.orelse), many(n.finalbody))
    if t in ("FunctionDef", "AsyncFunctionDef"):
        return "(%s %s %s %s %s %s)" % ("def" if t == "FunctionDef" else "asyncdef", n.name, many(n.decorator_list),
                                        args(n.args), dump(n.returns), many(n.body))
    if t == "ClassDef":
        return "(class %s %s %s %s %s)" % (n.name, many(n.decorator_list), many(n.bases), keywords(n.keywords), many(n.body))
    if t == "Match":  # patterns are another language there: only their number and the bodies are compared
        return "(match %s %s)" % (dump(n.subject), " ".join("(case %s %s)" % (dump(c.guard), many(c.body)) for c in n.cases))
    if t == "TypeAlias":
        return "(type %s %s)" % (dump(n.name), dump(n.value))
    raise TypeError(t)


sys.setrecursionlimit(10000)
for name in sys.argv[1:]:
    try:
        with open(name, "rb") as f:
            print(many(ast.parse(f.read()).body))
    except (SyntaxError, ValueError) as e:
        print("error")
