// Package drivercompat holds everything that relies on more than the documented API of the MongoDB driver:
//
//   - names of error types in packages of the driver that promise no stability, to which its documented errors do not
//     extend ([IsServerSelection] and the others);
//   - the reply within an error of such a type ([WriteCommandReply]);
//   - unexported fields of a session ([SessionReads]);
//   - the way in which the driver makes a maxTimeMS of a deadline ([HideDeadline]).
//
// Nothing of this is imported by name, so that a new version of the driver cannot break the build of a user. Each of
// these has a test, which fails with a sentence that says what has changed in the driver.
package drivercompat
