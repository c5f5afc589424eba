// Package specs runs MongoDB's specification tests, which every official driver is held to, against motor: files in the
// unified format (schema versions 1.0 to 1.29), run once through futures and once through callbacks, with the driver
// called directly as the reference.
//
// # What counts
//
// A test passes when everything is as its file expects, and when, in our styles, the operations have ended and the
// commands have been sent just as through the driver: also where the file does not look. What the server in front
// cannot serve, it refuses: then too, everything has to end as it does through the driver, with the same codes, labels
// and commands. Tests of folders called valid-fail must fail.
//
// Tests are left out by the requirements of their files, and by the list in skip.go, which gives a reason for each. Those
// on the list are run all the same: one that passes is a failure. What an operation, an option or an entity is missing
// for is pending, by its name.
//
// # How
//
// An operation of the format is one entry of a table: the name of a method of motor, the arguments, the driver's options.
// All options are the driver's own, so they are set by reflection, and so is the method called: on motor's handle, whose
// future is awaited; on the handle of package callback, on a loop; or on the driver's handle, which is given motor's names
// where the driver has others. A new method of motor needs no more than its entry.
//
// Each test has clients of its own. One operation is awaited before the next begins, and tests do not overlap: the names
// of databases are fixed in the files. Collections are prepared and looked at by a client of the driver's that is the
// runner's own.
//
// # Cost
//
// The suites for the embedded server take about three seconds a style.
package specs
