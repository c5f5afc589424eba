// Package structure measures how the source files of a package depend on one another, and which files an operation
// crosses.
//
// File A depends on file B if code in A uses something that B declares: an object at package level, a method, or a
// field. Files that all depend on each other, directly or not, form a cycle: none of them can be read, tested or
// moved alone. The larger the largest cycle is, the less the division into files means.
package structure
