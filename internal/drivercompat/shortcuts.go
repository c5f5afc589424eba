package drivercompat

import (
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/version"
)

// testedVersion is how the version of the driver begins with which the tests of this package have passed. With another
// driver, programs work as well, but are slower.
const testedVersion = "2.10."

var tested = strings.HasPrefix(version.Driver, testedVersion)

// field is an unexported field of a struct of the driver.
type field struct {
	of    reflect.Type
	name  string
	kind  reflect.Type
	at    *uintptr // gets its offset
	named bool     // its type may have a name: it has the layout of kind, which is no interface
}

// located finds where fields are. It reports false if the driver has changed the name or the type of one of them.
func located(fields ...field) bool {
	for _, f := range fields {
		found, ok := f.of.FieldByName(f.name)
		same := ok && (found.Type == f.kind || f.named && found.Type.Kind() == f.kind.Kind() && found.Type.ConvertibleTo(f.kind))
		if !same {
			return false
		}
		*f.at = found.Offset
	}
	return true
}
