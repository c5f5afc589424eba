package motor

// names has one string for each name of the documents that a reader has read, which mostly have the same names: no
// memory is taken for them again. A name that is not there any more, or is long, is just made anew.
type names [256]string

// longestName is that of the names which are kept, so that what a reader keeps is little.
const longestName = 32

// of returns b as a string.
func (n *names) of(b []byte) string {
	if len(b) == 0 || len(b) > longestName {
		return string(b)
	}
	first, middle, last := uint(b[0]), uint(b[len(b)/2]), uint(b[len(b)-1])
	kept := &n[(first*31+middle*7+last*131+uint(len(b)))%uint(len(n))]
	if *kept != string(b) {
		*kept = string(b)
	}
	return *kept
}
