//go:build !gc || !(amd64 || arm64)

package callback

// currentIdentity returns the number of the current goroutine. It is slow: each await takes microseconds longer.
func currentIdentity() identity { return currentHeader().id }
