// Package structure measures how the source files of a package depend on each other, and which files an operation
// crosses.
//
// File A depends on file B if code in A uses something that B declares: an object at package level, a method, or a
// field. Files that all depend on each other, directly or not, form a cycle: none of them can be read, tested or
// moved alone. A large cycle makes the division into files meaningless.
package structure
