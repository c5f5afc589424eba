//go:build gc && (amd64 || arm64)

package callback

// currentIdentity returns the address of the current goroutine in the runtime. It is only compared, never dereferenced.
// Every await calls it, so a stack trace would be too slow.
func currentIdentity() identity
