// Package encryption tests client-side encryption. The tests need the C library libmongocrypt and the driver's build
// tag:
//
//	go test -tags cse ./motor_test/encryption
//
// They run on the embedded server, which stores encrypted values like any other. The script .ci/libmongocrypt provides
// the library.
package encryption
