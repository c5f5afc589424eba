// Package cycle has five files. Files a, b and c depend on each other, and d depends on them. None depends on e.
package cycle

// Tree is generic, so the other files use its instantiated members.
type Tree[T any] struct {
	left, right *Tree[T]
	value       T
}

type walker interface{ walk() int }

func total(t *Tree[int]) int { return t.sum() + t.sum() }
