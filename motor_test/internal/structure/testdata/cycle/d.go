package cycle

type d struct{ tree *Tree[int] }

func (w d) walk() int { return total(w.tree) }

var _ walker = d{}

func use(w walker) int { return w.walk() }
