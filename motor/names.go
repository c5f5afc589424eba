package motor

import "strings"

// checkDatabaseName returns InvalidName or InvalidStringData for a database name that no server accepts.
//
// PyMongo: helpers._check_database_name.
func checkDatabaseName(name string) error {
	switch {
	case name == "":
		return newError(InvalidName, "database name cannot be the empty string")
	case name == "$external":
		return nil
	}
	if err := checkText("database name", name); err != nil {
		return err
	}
	if i := strings.IndexAny(name, " .$/\\\x00\""); i >= 0 {
		return newError(InvalidName, "invalid database name %q: cannot contain the character %q", name, name[i])
	}
	return nil
}

// checkCollectionName returns InvalidName or InvalidStringData for a collection name that no server accepts.
//
// PyMongo: Collection.__init__.
func checkCollectionName(name string) error {
	switch {
	case name == "":
		return newError(InvalidName, "collection names cannot be empty")
	case strings.Contains(name, ".."):
		return newError(InvalidName, "invalid collection name %q: cannot contain \"..\"", name)
	case strings.Contains(name, "$") && !strings.HasPrefix(name, "oplog.$main") && !strings.HasPrefix(name, "$cmd"):
		return newError(InvalidName, "invalid collection name %q: must not contain '$'", name)
	case strings.HasPrefix(name, "."), strings.HasSuffix(name, "."):
		return newError(InvalidName, "invalid collection name %q: must not start or end with '.'", name)
	case strings.Contains(name, "\x00"):
		return newError(InvalidName, "invalid collection name %q: must not contain the null character", name)
	}
	return checkText("collection name", name)
}
