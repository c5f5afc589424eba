// Package compiletime measures how long the go command takes to rebuild a small program that uses gomotor, after a
// change to the program alone, and compares it with the same program on the driver.
//
// Go compiles the methods of generic types in the package that instantiates them. So what a library declares on its
// generic types is paid for by its users, in every package and at every change. The measure is in three figures: the
// CPU time of the go command and its children, the peak memory of the largest process among them, and the number of
// functions compiled in the user's package.
//
// # Cost
//
// A round builds and links four programs: about ten seconds of CPU, when everything that they import is in the build
// cache.
package compiletime
