//go:build !race

package contract_test

// raceDetector reports whether the race detector slows down the tests.
const raceDetector = false
