// Package parity is the ledger of everything that Motor ever had, from 0.1 to 3.7, and of what has become of each
// piece: the symbol of this module that does its work, or the reason why nothing does. It is held against the packages
// as the compiler knows them, and makes MIGRATION.md and the lines "Motor: ..." of the doc comments.
package parity

//go:generate go run ../cmd/parity -write
