package motor

import "strings"

// checkDatabaseName returns InvalidName if no server would have a database of this name.
//
// PyMongo: helpers._check_database_name.
func checkDatabaseName(name string) error {
	switch {
	case name == "":
		return newError(InvalidName, "a database name cannot be empty")
	case name == "$external":
		return nil
	}
	if i := strings.IndexAny(name, " .$/\\\x00\""); i >= 0 {
		return newError(InvalidName, "a database name cannot contain %q: %q", name[i], name)
	}
	return nil
}

// checkCollectionName returns InvalidName if no server would have a collection of this name.
//
// PyMongo: Collection.__init__.
func checkCollectionName(name string) error {
	switch {
	case name == "":
		return newError(InvalidName, "a collection name cannot be empty")
	case strings.Contains(name, ".."):
		return newError(InvalidName, "a collection name cannot contain \"..\": %q", name)
	case strings.Contains(name, "$") && !strings.HasPrefix(name, "oplog.$main") && !strings.HasPrefix(name, "$cmd"):
		return newError(InvalidName, "a collection name must not contain '$': %q", name)
	case strings.HasPrefix(name, "."), strings.HasSuffix(name, "."):
		return newError(InvalidName, "a collection name must not start or end with '.': %q", name)
	case strings.Contains(name, "\x00"):
		return newError(InvalidName, "a collection name must not contain a NUL character: %q", name)
	}
	return nil
}
