package parity

import (
	"slices"
	"strings"
	"testing"
)

// keywordsOf returns the keywords of a member, by name.
func keywordsOf(t *testing.T, res *Result, member string) map[string]Keyword {
	t.Helper()
	i := slices.IndexFunc(res.Rows, func(r *Row) bool { return r.Name() == member })
	if i < 0 {
		t.Fatalf("got no row for %s, want one", member)
	}
	keywords, err := res.Keywords(res.Rows[i])
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]Keyword)
	for _, k := range keywords {
		all[k.Name] = k
	}
	return all
}

func TestKeywordsOfMethods(t *testing.T) {
	res := check(t, nil)
	for _, test := range []struct{ member, keyword, want string }{
		// A setter of the driver's options, and the method of the cursor.
		{"MotorCollection.update_one", "upsert", "options.UpdateOne().SetUpsert"},
		{"MotorCollection.find", "sort", "options.Find().SetSort, motor.Cursor.Sort"},
		{"MotorCollection.find_one_and_update", "return_document", "options.FindOneAndUpdate().SetReturnDocument"},
		{"MotorCollection.find_one_and_update", "array_filters", "options.FindOneAndUpdate().SetArrayFilters"},
		{"MotorCollection.aggregate", "allowDiskUse", "options.Aggregate().SetAllowDiskUse"},
		{"MotorCollection.watch", "max_await_time_ms", "options.ChangeStream().SetMaxAwaitTime"},
		{"MotorGridFSBucket.open_upload_stream", "chunk_size_bytes", "options.GridFSUpload().SetChunkSizeBytes"},
		// A field of our options, and a setter of the driver's options in one of its fields.
		{"MotorCollection.insert", "continue_on_error", "motor.InsertOptions.ContinueOnError"},
		{"MotorCollection.update", "fsync", "motor.UpdateOptions.FSync"},
		{"MotorCollection.ensure_index", "unique", "options.Index().SetUnique"},
		{"MotorGridFS.put", "content_type", "motor.GridInOptions.ContentType"},
		// An argument.
		{"MotorCursor.sort", "direction", "argument direction"},
		{"MotorDatabase.current_op", "include_all", "argument includeAll"},
		// Rows of keywords.tsv, for one method and for all.
		{"MotorCollection.find_one", "max_time_ms", "motor.MaxTime"},
		{"MotorCollection.find", "fields", "options.Find().SetProjection, motor.Cursor.Projection"},
		{"MotorCollection.create_index", "2dsphereIndexVersion", "options.Index().SetSphereVersion"},
		{"MotorClient.copy_database", "from_host", "motor.CopyFromHost"},
		{"MotorCollection.delete_many", "session", "motor.Session.Context"},
		{"MotorCollection.find", "manipulate", ""},
	} {
		k, ok := keywordsOf(t, res, test.member)[test.keyword]
		if got := strings.Join(k.Go, ", "); !ok || got != test.want || got == "" && k.Remark == "" {
			t.Errorf("%s(%s=): got %q, %q, want %q", test.member, test.keyword, got, k.Remark, test.want)
		}
	}
}

// TestKeywordsOfAllEras holds that a keyword which only an old version had is found, too.
func TestKeywordsOfAllEras(t *testing.T) {
	find := keywordsOf(t, check(t, nil), "MotorCollection.find")
	for _, keyword := range []string{"let", "max_scan", "as_class", "tailable", "slave_okay"} {
		if _, ok := find[keyword]; ok != (keyword != "slave_okay") {
			t.Errorf("find(%s=): got %v, want %v", keyword, ok, !ok)
		}
	}
}

func TestCheckKeywords(t *testing.T) {
	const reason = "It has no meaning."
	for _, test := range []struct {
		name   string
		change func(notes)
		want   string
	}{
		{"kwargs without keywords", func(n notes) { delete(n, "MotorCollection.rename") }, "MotorCollection.rename has **kwargs"},
		{"keyword without replacement", func(n notes) { delete(n, allMethods) }, "nothing replaces the keyword callback"},
		{"unknown setter", func(n notes) { n["MotorCollection.find"][1].symbols = "SetFields" }, "have no SetFields"},
		{"unknown symbol", func(n notes) { n["MotorCollection.find"][1].symbols = "motor.Cursor.Fields" }, "no method Fields"},
		{"unknown field", func(n notes) { n["MotorCollection.find"][1].symbols = "motor.InsertOptions.Fields" }, "no field motor.InsertOptions.Fields"},
		{"unknown member", func(n notes) { n["MotorCollection.finds"] = []note{{"a", "", reason}} }, "the ledger has no such member"},
	} {
		t.Run(test.name, func(t *testing.T) {
			good := check(t, nil)
			changed, err := parseNotes(keywordsTSV)
			if err != nil {
				t.Fatal(err)
			}
			test.change(changed)
			res := &Result{Rows: good.Rows, symbols: good.symbols, module: good.module, notes: changed}
			res.checkKeywords()
			if !slices.ContainsFunc(res.Problems, func(err error) bool { return strings.Contains(err.Error(), test.want) }) {
				t.Errorf("got the problems %v, want %q", res.Problems, test.want)
			}
		})
	}
}

func TestParseNotes(t *testing.T) {
	head := strings.Join(keywordColumns, "\t") + "\n"
	for _, test := range []struct{ name, tsv string }{
		{"other columns", "member\tkeyword\n"},
		{"missing column", head + "C.m\ta\n"},
		{"no keyword", head + "C.m\t\tSetA\t\n"},
		{"keywords of an unknown member", head + "C.m\tas C.n\t\t\n"},
	} {
		if all, err := parseNotes(test.tsv); err == nil {
			t.Errorf("%s: got %v, want an error", test.name, all)
		}
	}
	all, err := parseNotes(head + "C.m\ta b\tSetA\tr\nC.n\tas C.m\t\t\nC.n\tc\t\t\n")
	if err != nil || len(all["C.m"]) != 2 || len(all["C.n"]) != 3 || all["C.n"][2] != (note{"b", "SetA", "r"}) {
		t.Errorf("got %v, %v, want two keywords of C.m, and three of C.n", all, err)
	}
}
