//go:build gc && (amd64 || arm64)

package callback

// currentIdentity is where the runtime keeps the current goroutine: an address that is compared and never followed.
// Every await asks, so a stack trace would not do.
func currentIdentity() identity
