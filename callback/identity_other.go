//go:build !gc || !(amd64 || arm64)

package callback

// currentIdentity is slow here: awaits take microseconds longer.
func currentIdentity() identity { return currentHeader().id }
