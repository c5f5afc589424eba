// Package apart has no cycle.
package apart

func a() int { return b }
