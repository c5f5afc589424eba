// Package connstring reads connection strings, and checks options by their names.
//
// A mistake that the connection string specification calls invalid is an error. What it only warns of (an unknown option,
// a value out of range or of a wrong type) is a warning: the option is left out. Neither prints a password, a user name,
// or another part of a string that may contain one.
//
// The driver gets the string that [URI.String] returns, which has only valid options that the driver knows.
//
// Specifications: Connection String, URI Options.
package connstring
