// Package python reads Python source code: Scan makes tokens of it, Parse a syntax tree.
//
// It accepts the syntax of Python 3 up to 3.14 and that of Python 2, because programs for Motor exist in both: print
// statements, "except E, e", "raise E, value", backquotes, tuple parameters, and the names async and await. It does not
// check what the compiler of Python checks after parsing, such as "return" outside of a function.
//
// The tree keeps the position of each node, so that Source can return its text.
package python
