package motor

// VersionIn is what Version finds in a program.
var VersionIn = versionIn
