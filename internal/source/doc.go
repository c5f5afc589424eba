// Package source reads the packages of this module as their compiler and their readers have them: types and doc
// comments. It is what makes the generated code and documents true.
package source
