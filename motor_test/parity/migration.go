package parity

import (
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// migrationMD is MIGRATION.md without its tables.
//
//go:embed migration.md.tmpl
var migrationMD string

// Migration returns the text of MIGRATION.md.
func (res *Result) Migration() (string, error) {
	code, err := snippets(filepath.Join(res.module.root, guideSource))
	if err != nil {
		return "", err
	}
	show, unused := snippetFunc(code)
	t, err := template.New("MIGRATION.md").Funcs(template.FuncMap{"go": show}).Parse(migrationMD)
	if err != nil {
		return "", err
	}
	type class struct {
		Name, Base string
		Table      string // empty if there are no rows to show
		Keywords   string // the table of keywords, or empty
	}
	var all []class
	for _, name := range classes(res.Rows) {
		all = append(all, class{Name: title(name), Base: title(bases[name]), Table: res.table(name), Keywords: res.keywordTable(name)})
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{
		"Classes": all, "Summary": strings.TrimPrefix(res.Summary(), "parity: "),
	})
	return b.String(), errors.Join(err, unused())
}

// title returns the name of a class or module.
func title(class string) string { return strings.TrimPrefix(class, "(module) ") }

// table returns the rows for the members of a class. It leaves out members that the class had from another class if
// both have the same replacement.
func (res *Result) table(class string) string {
	var b strings.Builder
	for _, r := range res.Rows {
		if r.Class != class || res.isLikeBase(r) {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("| Motor | package motor | package callback | |\n|---|---|---|---|\n")
		}
		futures, callbacks := res.forms(r)
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(r.Member), cell(futures), cell(callbacks), strings.ReplaceAll(res.remark(r), "|", `\|`))
	}
	return b.String()
}

// keywordTable returns the rows for the keywords of a class's methods. It leaves out those that are the same for all
// methods, callback and session, and those that are an argument of the same name.
func (res *Result) keywordTable(class string) string {
	var b strings.Builder
	for _, r := range res.Rows {
		if r.Class != class || res.isLikeBase(r) {
			continue
		}
		keywords, err := res.Keywords(r)
		if err != nil {
			continue // Check has reported it
		}
		keywords = slices.DeleteFunc(keywords, func(k Keyword) bool {
			return k.Name == "callback" || k.Name == "session" || len(k.Go) == 1 && fold(k.Go[0]) == "argument "+fold(k.Name)
		})
		for len(keywords) > 0 {
			first := keywords[0]
			n := slices.IndexFunc(keywords, func(k Keyword) bool { return !slices.Equal(k.Go, first.Go) || k.Remark != first.Remark })
			if n < 0 {
				n = len(keywords)
			}
			var names []string
			for _, k := range keywords[:n] {
				names = append(names, code(k.Name))
			}
			keywords = keywords[n:]
			if b.Len() == 0 {
				b.WriteString("| Method | Keyword | Here | |\n|---|---|---|---|\n")
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(r.Member), strings.Join(names, ", "), first.here(), first.Remark)
		}
	}
	return b.String()
}

// here returns the text for what replaces a keyword.
func (k Keyword) here() string {
	var all []string
	for _, symbol := range k.Go {
		if name, isArgument := strings.CutPrefix(symbol, "argument "); isArgument {
			all = append(all, "the argument "+code(name))
		} else {
			all = append(all, code(strings.TrimPrefix(symbol, "motor.")))
		}
	}
	return strings.Join(all, ", ")
}

// isLikeBase reports whether the base class has the same row.
func (res *Result) isLikeBase(r *Row) bool {
	i := slices.IndexFunc(res.Rows, func(from *Row) bool { return from.Class == bases[r.Class] && from.Member == r.Member })
	if i < 0 {
		return false
	}
	from := res.Rows[i]
	return from.Mark == r.Mark && from.Remark == r.Remark && slices.EqualFunc(from.Go, r.Go, func(a, b string) bool {
		return a == b || a[strings.LastIndexByte(a, '.')+1:] == b[strings.LastIndexByte(b, '.')+1:] && strings.Count(a, ".") == 2
	})
}

// forms returns the signatures of a row's symbols in both styles.
func (res *Result) forms(r *Row) (futures, callbacks []string) {
	for _, s := range res.symbols[r] {
		if s.pkg == "callback" {
			callbacks = append(callbacks, signature(s))
			continue
		}
		own := signature(s)
		if s.pkg == "future" {
			own = strings.Replace(own, s.object.Name(), "future."+s.object.Name(), 1)
			if s.owner != nil {
				own = "future." + signature(s)
			}
		}
		futures = append(futures, own)
		if form, err := res.module.callbackForm(s); err == nil && form != nil {
			if in := signature(form); in != own {
				callbacks = append(callbacks, in)
			} else {
				callbacks = append(callbacks, "")
			}
		}
	}
	return futures, callbacks
}

// remark returns the text of the last column.
func (res *Result) remark(r *Row) string {
	switch {
	case res.Missing[r] != nil:
		return "Missing."
	case r.Mark == notApplicable:
		return "Not applicable. " + r.Remark
	}
	return r.Remark
}

// cell returns signatures below one another. An empty one means that it is the same as in the other column.
func cell(symbols []string) string {
	var all []string
	for _, s := range symbols {
		if s == "" {
			s = "the same"
		} else {
			s = code(s)
		}
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return strings.Join(all, "<br>")
}

func code(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }
