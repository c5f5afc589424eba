// Package contract has the tests of motor that need a server. Each test checks a rule of Motor in both styles, with
// futures and with callbacks.
package contract
