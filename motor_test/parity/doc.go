// Package parity has the ledger of all members that Motor ever had, from 0.1 to 3.7. For each, the ledger names the
// symbol of this module that replaces it, or the reason why there is none. The package compares the ledger with the
// compiled packages, and generates MIGRATION.md and the lines "Motor: ..." of the doc comments.
package parity

//go:generate go run ../cmd/parity -write
