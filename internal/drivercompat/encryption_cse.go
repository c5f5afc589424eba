//go:build cse

package drivercompat

// Encryption reports whether the program is built with the driver's build tag for client-side encryption.
const Encryption = true
