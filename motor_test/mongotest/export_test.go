package mongotest

// The functions behind Run in a race build, and behind DatabaseName.
var (
	StartProcess     = startProcess
	MakeDatabaseName = databaseName
)
