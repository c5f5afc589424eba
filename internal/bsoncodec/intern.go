package bsoncodec

// internTable holds one string for each key that a reader has read. Documents mostly have the same keys, so that a key
// mostly takes no new memory. Keys that collide replace each other, and long keys are not held.
type internTable [256]string

// longestInterned bounds what a reader holds.
const longestInterned = 32

// intern returns b as a string.
func (t *internTable) intern(b []byte) string {
	if len(b) == 0 || len(b) > longestInterned {
		return string(b)
	}
	first, middle, last := uint(b[0]), uint(b[len(b)/2]), uint(b[len(b)-1])
	entry := &t[(first*31+middle*7+last*131+uint(len(b)))%uint(len(t))]
	if *entry != string(b) {
		*entry = string(b)
	}
	return *entry
}
