package display

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/motor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLine(t *testing.T) {
	calls := []motor.Progress{
		{Unit: "documents"},
		{Done: 3000, Unit: "documents"},
		{Done: 3000, Total: 4000, Unit: "documents", Collections: 1, CollectionsTotal: 2},
	}
	for _, test := range []struct {
		name     string
		terminal bool
		err      error
		want     string
	}{
		{"terminal", true, nil, "" +
			"\rread     [#                             ]       0 documents\x1b[K" +
			"\rread     [   #                          ]       3000 documents\x1b[K" +
			"\rread     [######################        ]  75%  3000 of 4000 documents, 1 of 2 collections\x1b[K" +
			"\rread     [######################        ]  75%  3000 of 4000 documents, 1 of 2 collections, done\x1b[K\n"},
		{"no terminal", false, nil, "" + // the second call comes after 0.6 s, the third after 1.2 s
			"read      75%  3000 of 4000 documents, 1 of 2 collections\n" +
			"read      75%  3000 of 4000 documents, 1 of 2 collections, done\n"},
		{"failure", false, errors.New("broken"), "" +
			"read      75%  3000 of 4000 documents, 1 of 2 collections\n" +
			"read      75%  3000 of 4000 documents, 1 of 2 collections, failed\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				l := &line{Display: &Display{&out, test.terminal}, name: "read", shown: time.Now()}
				for i, p := range calls {
					if i > 0 {
						time.Sleep(600 * time.Millisecond)
					}
					l.show(p)
				}
				l.end(test.err)
				if got := out.String(); got != test.want {
					t.Errorf("got\n%q\nwant\n%q", got, test.want)
				}
			})
		})
	}
}
