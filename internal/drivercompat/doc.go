// Package drivercompat holds everything that relies on more than the documented API of the MongoDB driver:
//
//   - names of error types in driver packages that promise no stability, where the documented errors are not enough
//     ([IsServerSelection] and the others);
//   - the server's reply in an error of such a type ([WriteCommandReply]);
//   - unexported fields of a session ([SessionReads]), of a cursor ([BatchIsCorrupt], [CursorReader], [NextInBatch]) and of a ClientEncryption
//     ([CloseEncryption]);
//   - the way in which the driver derives maxTimeMS from a deadline ([HideDeadline], [SetMaxTimeMS]);
//   - the calls with which the driver encodes and decodes the documents that it inserts, and unexported fields of its writer of
//     documents ([WholeRegistry]);
//   - the place of these documents in the command ([Documents]).
//
// The package imports none of this by name, so that a new version of the driver cannot break a user's build. Each item
// has a test that fails with a sentence that says what has changed in the driver.
//
// What only saves time, and could do harm if the driver changed, is done with the tested versions of the driver only
// ([NextInBatch], [Documents], and the documents that [WholeRegistry] does not copy).
package drivercompat
