package cycle

import "fmt"

const base = 1

func depth(v any) int {
	t := Tree[string]{value: fmt.Sprint(v)}
	return len(t.value)
}
