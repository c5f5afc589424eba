package specs

// skip is a test that is not expected to pass, and why. It is run all the same: one that passes must leave the list.
type skip struct {
	file, test string // test: "" for all of the file
	styles     []string
	embedded   bool // with the embedded server alone
	reason     string
}

// skips are all of them.
var skips = []skip{}

// skipped returns why a test is skipped in a style, or "".
func skipped(s *server, style, path string, test *testCase) string {
	for _, one := range skips {
		if one.matches(s, style, path, test) {
			return one.reason
		}
	}
	return ""
}

func (o *skip) matches(s *server, style, path string, test *testCase) bool {
	return (!o.embedded || s.embedded) && o.file == path && (o.test == "" || o.test == test.Description) &&
		(o.styles == nil || contains(o.styles, style))
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}
