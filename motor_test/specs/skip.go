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

// Reasons of several tests.
const (
	noCursorLimit = "the driver sends no maxTimeMS with a command that opens a cursor"
	noQueryCheck  = "it does not check the query if the collection does not exist"
	moreUnknown   = "the driver logs an additional change of the topology to unknown before it stops monitoring"
	noAtlas       = "its error does not mention Atlas, and the driver returns it with a private type"
)

var skips = []skip{
	{
		file: "client-side-operations-timeout/global-timeoutMS.json",
		tests: []string{
			"timeoutMS can be configured on a MongoClient - aggregate on database",
			"timeoutMS can be configured on a MongoClient - aggregate on collection",
			"timeoutMS can be configured on a MongoClient - find on collection",
		},
		reason: noCursorLimit,
	},
	{
		file:   "client-side-operations-timeout/gridfs-find.json",
		tests:  []string{"timeoutMS can be overridden for a find", "timeoutMS applied to find command"},
		reason: noCursorLimit,
	},
	{
		file: "client-side-operations-timeout/override-operation-timeoutMS.json",
		tests: []string{
			"timeoutMS can be configured for an operation - aggregate on collection",
			"timeoutMS can be configured for an operation - find on collection",
		},
		reason: noCursorLimit,
	},
	{
		file: "client-side-operations-timeout/retryability-timeoutMS.json",
		tests: []string{
			"operation is retried multiple times for non-zero timeoutMS - aggregate on collection",
			"operation is retried multiple times for non-zero timeoutMS - find on collection",
		},
		reason: noCursorLimit,
	},
	{
		file: "client-side-operations-timeout/runCursorCommand.json",
		tests: []string{
			"Non-tailable cursor lifetime remaining timeoutMS applied to getMore if timeoutMode is unset",
			"Tailable cursor awaitData iteration timeoutMS is refreshed for getMore - failure",
		},
		reason: "the driver has no timeoutMode",
	},
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
		reason: moreUnknown,
	},
	{
		file:   "server-discovery-and-monitoring/unified/logging-loadbalanced.json",
		tests:  []string{"Topology lifecycle"},
		reason: moreUnknown,
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
		file:     "crud/unified/findOneAndUpdate-errorResponse.json",
		tests:    []string{"findOneAndUpdate DuplicateKey error is accessible"},
		embedded: true,
		reason:   "its duplicate key errors have no keyPattern",
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
		reason:   noQueryCheck,
	},
	{
		file:     "load-balancers/event-monitoring.json",
		tests:    []string{"command failed events include serviceId"},
		embedded: true,
		reason:   noQueryCheck,
	},
	{
		file: "load-balancers/cursors.json",
		tests: []string{
			"listCollections pins the cursor to a connection", "listIndexes pins the cursor to a connection",
		},
		embedded: true,
		reason:   "it returns these lists in one batch",
	},
	{
		file:     "versioned-api/crud-api-version-1-strict.json",
		tests:    []string{"distinct appends declared API version"},
		embedded: true,
		reason:   "it does not know the commands of API version 1",
	},
}

// withheld lists tests that are not even run, with the reason.
var withheld = []skip{
	{
		file: "index-management/searchIndexIgnoresReadWriteConcern.json",
		tests: []string{
			"dropSearchIndex ignores read and write concern", "updateSearchIndex ignores the read and write concern",
		},
		embedded: true,
		reason:   noAtlas,
	},
	{
		file:     "index-management/dropSearchIndex.json",
		tests:    []string{"sends the correct command"},
		embedded: true,
		reason:   noAtlas,
	},
	{
		file:     "index-management/updateSearchIndex.json",
		tests:    []string{"sends the correct command"},
		embedded: true,
		reason:   noAtlas,
	},
	{
		file:   "load-balancers/wait-queue-timeouts.json",
		reason: "the driver does not have waitQueueTimeoutMS, and the test would wait forever",
	},
	{
		file:   "client-side-operations-timeout/retryability-legacy-timeouts.json",
		reason: "the driver no longer has socketTimeoutMS",
	},
	{
		file:     "server-selection/logging/replica-set.json",
		embedded: true,
		reason:   "it has one member, and the test waits for several",
	},
	{
		file:     "server-discovery-and-monitoring/unified/logging-replicaset.json",
		embedded: true,
		reason:   "it has one member, and the test waits for several",
	},
	{
		file:   "server-discovery-and-monitoring/unified/interruptInUse-pool-clear.json",
		reason: "the order of the events varies with the driver",
	},
}

// withheldReason returns why a test is not run, or "".
func withheldReason(s *server, path, test string) string { return reasonIn(withheld, s, path, test) }

// skipped returns why a test is skipped, or "".
func skipped(s *server, path, test string) string { return reasonIn(skips, s, path, test) }

// reasonIn returns the reason of a list for a test, or "". An entry without tests concerns all tests of its file.
func reasonIn(list []skip, s *server, path, test string) string {
	for _, one := range list {
		if (one.embedded && !s.embedded) || one.file != path || len(one.tests) > 0 && !slices.Contains(one.tests, test) {
			continue
		}
		if one.embedded {
			return "embedded server: " + one.reason
		}
		return one.reason
	}
	return ""
}
