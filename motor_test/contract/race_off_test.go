//go:build !race

package contract_test

// raceDetector tells the tests that everything takes many times as long.
const raceDetector = false
