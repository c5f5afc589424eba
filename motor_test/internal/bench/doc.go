// Package bench compares the speed of this library with that of the driver, and of futures with other futures. The
// command bench runs it.
//
// The two contestants of a row take turns in short runs. A row shows the median of the ratio of each turn, and its spread
// between the quartiles. Compare ratios between machines, not times. The server is a stub in a process of its own, which
// answers at once, so that the differences are those of the clients; or a real server.
package bench
