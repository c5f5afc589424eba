// Package hostile runs operations against a server whose replies are wrong in every way: each field of a valid reply is
// removed, repeated, or replaced by a value of any type, or bytes of it are changed. An operation must settle with a
// result or with an error of a class. It must not panic, hang or leak, and must not lose documents that the driver
// returns for the same reply.
//
// A failure prints its seed:
//
//	go test ./motor_test/hostile -args -seed 42 -time 60s
package hostile
