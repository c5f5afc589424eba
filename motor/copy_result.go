package motor

// CopyResult is what [Client.CopyDatabase] has copied.
type CopyResult struct {
	// Collections are those whose copy was begun: in the order of their names, and the views after the others.
	Collections []CopiedCollection
}

// Documents returns how many documents the collections have together.
func (r *CopyResult) Documents() int64 {
	var n int64
	for _, c := range r.Collections {
		n += c.Documents
	}
	return n
}

// CopiedCollection is what the target has of a collection or view.
type CopiedCollection struct {
	Name      string
	View      bool
	Documents int64    // that the server has confirmed
	Indexes   []string // the names of those that were made; the one of _id is not among them
	Complete  bool     // nothing is missing
}

// CopyError is what a copy that was begun fails with. [errors.Is] finds the class of the cause, and [errors.As] the
// *[Error] and the driver's error.
//
// What was copied is there and stays. The future of [Client.CopyDatabase] has it beside the error too.
type CopyError struct {
	// Result is what was copied.
	Result *CopyResult
	// Collection is the one whose copy failed, or "" if no one's did: the copy was cancelled.
	Collection string

	err error
}

// Error names the collection and gives the cause.
func (e *CopyError) Error() string {
	if e.Collection == "" {
		return "motor: copying: " + e.err.Error()
	}
	return "motor: copying " + e.Collection + ": " + e.err.Error()
}

// Unwrap returns the cause.
func (e *CopyError) Unwrap() error { return e.err }

// result returns what was copied of the parts. Nobody is at work on them any more.
func (cp *databaseCopy) result() *CopyResult {
	r := new(CopyResult)
	for _, p := range cp.parts {
		if p.begun {
			r.Collections = append(r.Collections, p.copied)
		}
	}
	return r
}
