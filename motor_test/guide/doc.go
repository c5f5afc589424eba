// Package guide has the Go code of the guide in MIGRATION.md, as examples that run. The guide shows the lines between
// "// begin NAME" and "// end" for each {{go "NAME"}} in the template of MIGRATION.md, in package parity.
package guide
