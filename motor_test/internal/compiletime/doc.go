// Package compiletime measures the cost of rebuilding a small program that uses gomotor, after a change to the program
// alone. It compares this cost with that of the same program on the driver.
//
// Go compiles the methods of generic types in the package that instantiates them. So the users of a library compile its
// generic methods, in every package and at every change. There are three figures: the CPU time of the go command and its
// children, the peak memory of the largest of these processes, and the number of functions compiled in the user's
// package.
//
// # Cost
//
// A round builds and links four programs. It takes about ten seconds of CPU when the build cache has their imports.
package compiletime
