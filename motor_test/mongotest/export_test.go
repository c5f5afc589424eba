package mongotest

// The two ways to make a server and a name that a build without the race detector hides behind Run and DatabaseName.
var (
	StartProcess     = startProcess
	MakeDatabaseName = databaseName
)
