package specs

import "slices"

// skip lists tests of a file that are expected to fail, with the reason. They still run: a test that passes must be
// removed from the list, and with motor the tests must end as they do with the driver.
type skip struct {
	file     string
	tests    []string
	embedded bool // only with the embedded server
	reason   string
}

var skips = []skip{
	{
		file: "sessions/snapshot-sessions-not-supported-server-error.json",
		tests: []string{
			"Server returns an error on find with snapshot",
			"Server returns an error on aggregate with snapshot",
			"Server returns an error on distinct with snapshot",
		},
		embedded: true,
		reason:   "it ignores snapshots",
	},
	{
		file: "command-monitoring/logging/redacted-commands.json",
		tests: []string{
			"authenticate command and resulting server-generated error are redacted",
			"saslStart command and resulting server-generated error are redacted",
			"saslContinue command and resulting server-generated error are redacted",
			"createUser command and resulting server-generated error are redacted",
			"updateUser command and resulting server-generated error are redacted",
		},
		reason: "the driver hides the command, but logs the server's error in full",
	},
	{
		file: "connection-monitoring-and-pooling/logging/connection-pool-options.json",
		tests: []string{
			"waitQueueTimeoutMS should be included in connection pool created message when specified",
			"waitQueueSize should be included in connection pool created message when specified",
			"waitQueueMultiple should be included in connection pool created message when specified",
		},
		reason: "the driver does not have this option",
	},
	{
		file:   "server-discovery-and-monitoring/unified/logging-standalone.json",
		tests:  []string{"Topology lifecycle"},
		reason: "the driver logs an additional change of the topology to unknown before it stops monitoring",
	},
	{
		file: "server-discovery-and-monitoring/unified/serverMonitoringMode.json",
		tests: []string{
			"connect with serverMonitoringMode=auto >=4.4",
			"connect with serverMonitoringMode=stream >=4.4",
		},
		embedded: true,
		reason:   "it does not stream heartbeats",
	},
	{
		file:     "collection-management/clustered-indexes.json",
		tests:    []string{"listCollections includes clusteredIndex", "listIndexes returns the index"},
		embedded: true,
		reason:   "it accepts clusteredIndex and does not store it",
	},
	{
		file:     "command-monitoring/updateMany.json",
		tests:    []string{"A successful updateMany with write errors"},
		embedded: true,
		reason:   "its replies with write errors have no n",
	},
	{
		file:     "command-monitoring/updateOne.json",
		tests:    []string{"A successful updateOne with write errors"},
		embedded: true,
		reason:   "its replies with write errors have no n",
	},
	{
		file:     "crud/unified/findOneAndUpdate-errorResponse.json",
		tests:    []string{"findOneAndUpdate DuplicateKey error is accessible"},
		embedded: true,
		reason:   "its duplicate key errors have no keyPattern",
	},
	{
		file: "crud/v1/write/bulkWrite.json",
		tests: []string{
			"BulkWrite with replaceOne operations", "BulkWrite with updateOne operations", "BulkWrite with updateMany operations",
		},
		embedded: true,
		reason:   "its replies to several upserts have no index of the statement",
	},
	{
		file:     "run-command/runCursorCommand.json",
		tests:    []string{"does not close the cursor when receiving an empty batch"},
		embedded: true,
		reason:   "it closes a tailable cursor at the end of the collection",
	},
	{
		file:     "unified-test-format/valid-fail/operation-failure.json",
		tests:    []string{"Unsupported query operator"},
		embedded: true,
		reason:   "it does not check the query if the collection does not exist",
	},
	{
		file:     "versioned-api/crud-api-version-1-strict.json",
		tests:    []string{"distinct appends declared API version"},
		embedded: true,
		reason:   "it does not know the commands of API version 1",
	},
}

// skipped returns why a test is skipped, or "".
func skipped(s *server, path, test string) string {
	for _, one := range skips {
		if (!one.embedded || s.embedded) && one.file == path && slices.Contains(one.tests, test) {
			if one.embedded {
				return "embedded server: " + one.reason
			}
			return one.reason
		}
	}
	return ""
}
