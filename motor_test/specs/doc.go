// Package specs runs MongoDB's specification tests, which all official drivers must pass, against motor. The tests are
// files in the unified format (schema versions 1.0 to 1.29), or in the older formats of some suites, which are converted.
// They run with futures and with callbacks, and with the driver itself as the reference.
//
// # Rules
//
// A test passes if everything is as its file expects. In the styles of this library, the outcomes of the operations
// and the commands sent must also be the same as with the driver, even where the file does not check them. If the
// server does not support a test and returns an error, everything must end as it does with the driver, with the same
// codes, labels and commands. Tests in folders called valid-fail must fail.
//
// Tests are skipped because of the requirements in their files, or because skip.go lists them with a reason. Tests on
// that list still run, and one that passes is a failure. A test that needs a missing operation, option or entity is
// pending, with the name of what is missing.
//
// # Implementation
//
// An operation of the format is one entry in a table: the name of a method of motor, its arguments, and the driver's
// options. Options are the driver's own, so they are set by reflection, and the method is called by reflection too.
// The method belongs to motor's handle, and the runner awaits its future. Or it belongs to the handle of package
// callback, and is called on a loop. Or it belongs to the driver's handle, with motor's name where the driver's
// differs. A new method of motor needs only an entry in the table.
//
// Each test has its own clients. The runner awaits each operation before it starts the next. On one server tests do not
// overlap, since the names of the databases are fixed in the files. A separate client of the driver fills collections and
// checks their contents.
//
// With the embedded server each style has servers of its own. Package faultproxy poses as a replica set and as a load
// balancer before them, and has fail points. A test runs on the replica set if its requirements allow that, else behind
// the load balancer, else on the server itself. Three files run at the same time.
//
// # Cost
//
// The suites for the embedded server take about two minutes, most of which the drivers wait for a server that a fault
// has made unknown.
package specs
