// Package cycle has five files: a, b and c depend on each other, d depends on them, and they do not on e.
package cycle

// Tree is generic, so that what uses its members uses instantiated ones.
type Tree[T any] struct {
	left, right *Tree[T]
	value       T
}

type walker interface{ walk() int }

func total(t *Tree[int]) int { return t.sum() + t.sum() }
