// Package command builds the commands that the library sends itself, from the option structs of the driver to BSON. It
// does so where a command has fields that the methods of the driver have no place for, such as a write concern with
// fsync or a find with maxTimeMS, and for the commands of older servers.
//
// A [Builder] gathers the fields of a command, or the encoded arguments of a method of the driver, and keeps the first
// error. Options are sent as the driver sends them. A test fails, and names the field, if the driver gets an option
// that a command or a converter here does not know.
//
// Errors are those of bsoncodec, with a kind.
package command
