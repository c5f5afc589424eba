package cycle

import "errors"

var errUnused = errors.New("unused")
