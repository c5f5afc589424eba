// Package command builds the commands that the library sends itself: it turns option structs of the driver into BSON.
// It is used for commands with fields that the driver's methods do not support, such as a write concern with fsync or
// a find with maxTimeMS, and for the commands of older servers.
//
// A [Builder] collects the fields of a command, or the encoded arguments of a driver method, and keeps the first
// error. Options are sent as the driver sends them. If the driver adds an option that a command or converter here does
// not know, a test fails and names the field.
//
// Errors are those of bsoncodec, with a kind.
package command
