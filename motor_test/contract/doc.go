// Package contract has the tests of motor that need a server. Each holds a rule of Motor, and runs in both styles:
// by futures and by callbacks.
package contract
