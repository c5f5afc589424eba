package cycle

func (t *Tree[T]) sum() int {
	if t == nil {
		return base
	}
	return t.left.sum() + t.right.sum() + depth(t.value)
}
